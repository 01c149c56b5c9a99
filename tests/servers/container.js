// Makes a container in Azurite: node container.js http://127.0.0.1:PORT NAME. The key is the one that every emulator has.
const crypto = require("crypto");
const [base, name] = process.argv.slice(2);
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-08-06" };
const canonical = Object.keys(headers).sort().map((h) => `${h}:${headers[h]}\n`).join("");
const resource = `/${account}/${account}/${name}\nrestype:container`;
const text = `PUT${"\n".repeat(12)}${canonical}${resource}`;
const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text, "utf8").digest("base64");
headers.authorization = `SharedKey ${account}:${signature}`;
fetch(`${base}/${account}/${name}?restype=container`, { method: "PUT", headers }).then(async (answer) => {
  if (answer.status !== 201) {
    console.error(answer.status, await answer.text());
    process.exit(1);
  }
});

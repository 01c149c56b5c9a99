"""An emulator of Google Cloud Storage on a free port that it prints, with the bucket `lake`, in memory."""

import time

from gcp_storage_emulator.server import create_server

server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="lake")
server.start()
print(f"listening on http://127.0.0.1:{server._api._httpd.server_port}", flush=True)
while True:
    time.sleep(3600)

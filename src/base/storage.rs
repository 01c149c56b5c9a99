//! What object stores and web servers say when they refuse, in words with advice. Told from the text of an error:
//! the libraries between us and the server wrap it in types of their own, and the text gets through all of them.

/// What a server, or the way to it, said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub message: String,
    pub advice: &'static str,
    /// What was asked for is not there; the place where it was looked for is.
    pub absent: bool,
}

/// Codes and phrases, what they mean, and what helps. The first line that matches counts.
const REFUSALS: [(&[&str], &str, &str); 15] = [
    (
        // Where a machine of a cloud asks for the credentials that it is lent.
        &[
            "/latest/api/token",
            "/latest/meta-data/",
            "/metadata/identity/",
            "/computeMetadata/",
        ],
        "there are no credentials, and this machine is lent none",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_KEY or GOOGLE_APPLICATION_CREDENTIALS",
    ),
    (
        &[
            "NoSuchBucket",
            "ContainerNotFound",
            "ContainerBeingDeleted",
            "specified bucket does not exist",
        ],
        "there is no such bucket or container",
        "mend its name, or create it first; with a server of your own, AWS_ENDPOINT_URL must name it",
    ),
    (
        &[
            "InvalidAccessKeyId",
            "InvalidAuthenticationInfo",
            "InvalidSecurity",
        ],
        "the store does not know these credentials",
        "mend AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_KEY or GOOGLE_APPLICATION_CREDENTIALS",
    ),
    (
        &[
            "ExpiredToken",
            "TokenRefreshRequired",
            "RequestTimeTooSkewed",
            "InvalidToken",
        ],
        "the credentials have expired, or the clock of this machine is wrong",
        "fetch new credentials, AWS_SESSION_TOKEN included, and look at the clock",
    ),
    (
        &[
            "SignatureDoesNotMatch",
            "AuthenticationFailed",
            "InvalidSignature",
            "Server failed to authenticate the request",
        ],
        "the store does not accept the signature: the key is wrong",
        "mend AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_KEY or the SAS token",
    ),
    (
        &[
            "AuthorizationHeaderMalformed",
            "PermanentRedirect",
            "IllegalLocationConstraint",
            "redirect without LOCATION",
        ],
        "the bucket is in another region",
        "set AWS_REGION to the region of the bucket",
    ),
    (
        &[
            "AccessDenied",
            "AuthorizationPermissionMismatch",
            "AuthorizationFailure",
            "AllAccessDisabled",
            "403 Forbidden",
            "401 Unauthorized",
        ],
        "access is denied",
        "the credentials need the right to list and read there, and to write where the lake is",
    ),
    (
        &[
            "dns error",
            "failed to lookup address",
            "Name or service not known",
            "nodename nor servname",
        ],
        "the name of the server cannot be resolved",
        "look at the network, and at AWS_ENDPOINT_URL, AWS_REGION or AZURE_STORAGE_ACCOUNT_NAME, which the name comes from",
    ),
    (
        &["Connection refused", "connection refused", "actively refused"],
        "nothing answers at that address",
        "is the server running, and does AWS_ENDPOINT_URL (or AZURE_STORAGE_ENDPOINT) have its address and port?",
    ),
    (
        &[
            "invalid peer certificate",
            "UnknownIssuer",
            "CertificateExpired",
            "InvalidContentType",
            "corrupt message",
        ],
        "no trusted TLS connection can be made",
        "the address must begin with http:// if the server speaks no TLS; else its certificate must be one that this machine trusts",
    ),
    (
        &["NoSuchKey", "BlobNotFound", "404 Not Found", "410 Gone"],
        "there is no such object",
        "mend the name, or name its folder to have all that is in it",
    ),
    (
        &[
            "operation timed out",
            "deadline has elapsed",
            "408 Request Timeout",
            "Network is unreachable",
        ],
        "no answer came in time",
        "look at the network and the endpoint, and run the same command again: nothing is stored twice",
    ),
    (
        &[
            "SlowDown",
            "ServerBusy",
            "429 Too Many Requests",
            "503 Service Unavailable",
        ],
        "the store asks to slow down, and still does after several tries",
        "run the same command again later: what was committed stays, the rest follows, nothing is stored twice",
    ),
    (
        &["status code: 5", "InternalError"],
        "the store has an error of its own, also after several tries",
        "run the same command again later: what was committed stays, the rest follows, nothing is stored twice",
    ),
    (
        &[
            "connection closed before message completed",
            "connection reset",
            "Connection reset",
            "broken pipe",
        ],
        "the connection was cut, also after several tries",
        "look at the network, and run the same command again: nothing is stored twice",
    ),
];

/// The refusal that a text tells of, if it is one of a server.
pub fn refusal(text: &str) -> Option<Refusal> {
    // A path that is not there on this machine is no matter of a server.
    let remote = [
        "error performing",
        "error sending request",
        "status code",
        "dns error",
        "http error",
    ];
    let lower = text.to_ascii_lowercase();
    if !remote.iter().any(|sign| lower.contains(sign)) {
        return None;
    }
    let (signs, meaning, advice) = REFUSALS
        .iter()
        .find(|(signs, ..)| signs.iter().any(|sign| text.contains(sign)))?;
    let mut said: Vec<String> = Vec::new();
    said.extend(between(text, "status code: ", ":").map(|s| s.chars().take(40).collect()));
    said.extend(tag(text, "Code"));
    said.extend(tag(text, "Message").or_else(|| tag(text, "message")));
    said.extend(tag(text, "Region").map(|region| format!("region {region}")));
    said.extend(between(text, "performing ", " in ").map(without_queries));
    let message = match said.is_empty() {
        true => (*meaning).to_owned(),
        false => format!("{meaning} ({})", said.join(", ")),
    };
    Some(Refusal {
        message,
        advice,
        absent: signs.contains(&"NoSuchKey"),
    })
}

/// A text without the query strings of its addresses: a pre-signed address or a SAS token is a credential.
pub fn without_queries(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at);
        clean.push_str(before);
        let end = address
            .find(|c: char| c.is_whitespace() || "\"'<>()`,".contains(c))
            .unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        let shown = address.split(['?', '#']).next().unwrap_or_default();
        // What stands before an @ in the name of a host is a user or a password.
        let host_end = shown[3..].find('/').map_or(shown.len(), |slash| slash + 3);
        let (host, path) = shown.split_at(host_end);
        clean.push_str("://");
        clean.push_str(host[3..].rsplit('@').next().unwrap_or_default());
        clean.push_str(path);
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// What an XML element of an answer says, on one line.
fn tag(text: &str, name: &str) -> Option<String> {
    let inner = between(text, &format!("<{name}>"), &format!("</{name}>"))?;
    let line = inner.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| without_queries(&line.chars().take(200).collect::<String>()))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = text.split_once(start)?.1;
    Some(rest.split_once(end).map_or(rest, |(inner, _)| inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: &str = "Generic S3 error: Error performing GET http://127.0.0.1:9000/b/k?X-Amz-Signature=abc in 1ms - \
        Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>\
        <Message>Access Denied</Message></Error>";

    #[test]
    fn what_a_server_said_is_told_without_its_wrapping() {
        let told = refusal(DENIED).unwrap();
        assert_eq!(
            told.message,
            "access is denied (403 Forbidden, AccessDenied, Access Denied, GET http://127.0.0.1:9000/b/k)"
        );
        assert!(!told.absent);
        let lent = DENIED.replace(
            "http://127.0.0.1:9000/b/k",
            "http://169.254.169.254/latest/api/token",
        );
        assert!(
            refusal(&lent)
                .unwrap()
                .message
                .starts_with("there are no credentials")
        );
        let gone =
            refusal("Error performing GET x in 1ms - Server returned non-2xx status code: 404 Not Found: ");
        assert!(gone.unwrap().absent);
        assert_eq!(refusal("No such file or directory: 404 Not Found"), None);
        let region = "Error performing PUT x in 1s - Server returned non-2xx status code: 400 Bad Request: <Error>\
            <Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        assert!(refusal(region).unwrap().message.contains("region eu-west-1"));
    }

    #[test]
    fn a_signed_address_is_shown_without_its_signature() {
        for (text, clean) in [
            ("GET https://h/p?sig=secret in 3 s", "GET https://h/p in 3 s"),
            ("https://user:secret@h/p#frag", "https://h/p"),
            ("a ('s3://b/k?x=1', 'az://c')", "a ('s3://b/k', 'az://c')"),
            ("nothing here?", "nothing here?"),
        ] {
            assert_eq!(without_queries(text), clean);
        }
    }
}

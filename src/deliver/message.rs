//! A parcel as a MIME message. The same parcel gives the same bytes: a fixed Message-ID, fixed boundaries, the
//! date of the run.

use super::{File, Parcel};
use crate::base::{Error, Result};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

/// An address as people write it: `ann@example.com` or `Ann <ann@example.com>`.
pub fn mailbox(text: &str) -> Result<Mailbox> {
    let wrong = |why: &str| {
        Error::config(format!("'{text}' is not an address: {why}"))
            .advise("write ann@example.com, or \"Ann Example <ann@example.com>\"")
    };
    if text.chars().any(char::is_control) {
        return Err(wrong("it has a line end or another control character"));
    }
    let mailbox: Mailbox = text
        .trim()
        .parse()
        .map_err(|_| wrong("name@domain is expected"))?;
    let address: &str = mailbox.email.as_ref();
    if !address.is_ascii() {
        return Err(wrong("write its domain in ASCII (xn--…)"));
    }
    Ok(mailbox)
}

/// The Message-ID of a run: every attempt has the same one, so that a receiver can drop a copy.
pub fn message_id(run_id: &str, from: &Mailbox) -> String {
    let id: String = run_id.chars().take(40).collect();
    format!("<{id}@{}>", from.email.domain())
}

/// Text with the figures, the page for mail with its picture, and the attachments.
pub fn build(parcel: &Parcel, from: &Mailbox, to: &[Mailbox]) -> Result<Message> {
    let id: String = parcel.run_id.chars().take(24).collect();
    let bodies = MultiPart::alternative()
        .boundary(format!("=_alternative_{id}"))
        .singlepart(SinglePart::plain(parcel.text.clone()));
    let html = SinglePart::html(parcel.html.clone());
    let bodies = match &parcel.picture {
        None => bodies.singlepart(html),
        Some((content_id, file)) => bodies.multipart(
            MultiPart::related()
                .boundary(format!("=_related_{id}"))
                .singlepart(html)
                .singlepart(
                    Attachment::new_inline_with_name(content_id.clone(), file.name.clone())
                        .body(file.bytes.clone(), content_type(file)?),
                ),
        ),
    };
    let mut all = MultiPart::mixed()
        .boundary(format!("=_mixed_{id}"))
        .multipart(bodies);
    for file in &parcel.attachments {
        all =
            all.singlepart(Attachment::new(file.name.clone()).body(file.bytes.clone(), content_type(file)?));
    }
    let mut message = Message::builder()
        .date(parcel.date.into())
        .from(from.clone())
        .subject(one_line(&parcel.subject))
        .message_id(Some(message_id(&parcel.run_id, from)))
        // Nobody's out-of-office note answers it.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for mailbox in to {
        message = message.to(mailbox.clone());
    }
    message
        .multipart(all)
        .map_err(|e| Error::internal(format!("the mail cannot be put together: {e}")))
}

fn content_type(file: &File) -> Result<ContentType> {
    ContentType::parse(file.media_type)
        .map_err(|_| Error::internal(format!("'{}' is not a media type", file.media_type)))
}

/// A subject is one line, whatever the report's title says.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(crate) fn parcel() -> Parcel {
        Parcel {
            run_id: "0123456789abcdef0123456789abcdef0123456789abcdef".into(),
            subject: "Board:\r\nBcc: eve@example.com".into(),
            text: "Total AI spend: $1.00".into(),
            html: "<p>$1.00</p>".into(),
            picture: Some((
                "board@spendscope".into(),
                File {
                    name: "board.png".into(),
                    media_type: "image/png",
                    bytes: vec![0x89, b'P', b'N', b'G'],
                },
            )),
            attachments: vec![File {
                name: "board.html".into(),
                media_type: "text/html",
                bytes: b"<html></html>".to_vec(),
            }],
            date: "2026-10-05T07:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn the_same_parcel_is_the_same_message_and_a_title_adds_no_header() {
        let (from, to) = (
            mailbox("FinOps <finops@example.com>").unwrap(),
            mailbox("ann@example.net").unwrap(),
        );
        let bytes = || {
            build(&parcel(), &from, std::slice::from_ref(&to))
                .unwrap()
                .formatted()
        };
        assert_eq!(bytes(), bytes());
        let text = String::from_utf8(bytes()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(head.contains("Message-ID: <0123456789abcdef0123456789abcdef01234567@example.com>"));
        assert!(head.contains("Date: Mon, 05 Oct 2026 07:00:00 +0000"), "{head}");
        assert!(head.contains("Auto-Submitted: auto-generated"));
        assert!(!head.contains("\nBcc"), "{head}");
        assert!(text.contains("Content-ID: <board@spendscope>"));
    }

    #[test]
    fn addresses_are_checked() {
        for wrong in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "a@b\r\nBcc: c@d",
            "ann@exämple.com",
        ] {
            assert!(mailbox(wrong).is_err(), "{wrong}");
        }
        let named = mailbox("Ann Example <ann@example.com>").unwrap();
        assert_eq!(named.email.to_string(), "ann@example.com");
    }
}

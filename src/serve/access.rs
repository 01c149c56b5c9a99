//! Who is let in: a name with a password, and over which line. An address that others can reach has a
//! password and TLS, or is not served at all.

use super::transport::Certificate;
use crate::base::secret::SecretString;
use crate::base::{Error, Result};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The name and password of whoever may ask; no password: everybody who reaches the address.
#[derive(Debug, Clone)]
pub struct Access {
    pub user: String,
    pub password: Option<SecretString>,
}

impl Access {
    /// Is this the right name and password? Takes as long for a wrong one as for the right one.
    pub fn admits(&self, user: &str, password: &str) -> bool {
        let Some(expected) = &self.password else {
            return true;
        };
        let same = |a: &str, b: &str| {
            let (a, b) = (Sha256::digest(a.as_bytes()), Sha256::digest(b.as_bytes()));
            a.iter().zip(b.iter()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
        };
        let (user, password) = (same(user, &self.user), same(password, expected.expose()));
        user && password
    }
}

/// One address to listen on, and how.
#[derive(Debug, Clone)]
pub struct Door {
    pub certificate: Option<Certificate>,
    /// Only lines under TLS: the address can be reached from elsewhere.
    pub only_tls: bool,
}

impl Door {
    /// Refuses an address that others can reach, unless there are a password and a certificate.
    pub fn at(
        option: &str,
        address: SocketAddr,
        access: &Access,
        certificate: Option<Certificate>,
    ) -> Result<Door> {
        let outside = !address.ip().to_canonical().is_loopback();
        let missing = match (access.password.is_some(), certificate.is_some()) {
            (true, true) => None,
            (false, true) => Some("no password"),
            (true, false) => Some("no certificate"),
            (false, false) => Some("neither a password nor a certificate"),
        };
        match missing {
            Some(missing) if outside => Err(Error::usage(format!(
                "{option} {address} can be reached from other machines, and there is {missing}"
            ))
            .advise(
                "set password, certificate and key in [serve] of the configuration, or listen on 127.0.0.1",
            )),
            _ => Ok(Door {
                certificate,
                only_tls: outside,
            }),
        }
    }
}

/// `127.0.0.1:5433`, `[::1]:5433`, `localhost:5433`, `:5433` or `5433`, where what is left out is the loopback.
pub fn address(option: &str, text: &str) -> Result<SocketAddr> {
    let wrong = || {
        Error::usage(format!("{option}: '{text}' is not an address"))
            .advise("write 127.0.0.1:5433, [::1]:5433 or a port")
    };
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse().map_err(|_| wrong())?;
    let host = match host {
        "" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        "ip6-localhost" => IpAddr::V6(Ipv6Addr::LOCALHOST),
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => return Err(wrong()),
    };
    Ok(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn access(password: Option<&str>) -> Access {
        Access {
            user: "spendscope".to_owned(),
            password: password.map(|p| SecretString::new(p.to_owned())),
        }
    }

    #[test]
    fn an_address_that_others_reach_needs_a_password_and_tls() {
        let at = |text: &str, password| {
            Door::at(
                "--postgres",
                address("--postgres", text).unwrap(),
                &access(password),
                None,
            )
        };
        for inside in [
            "127.0.0.1:1",
            "127.8.8.8:1",
            "[::1]:1",
            "localhost:1",
            "5433",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(!at(inside, None).unwrap().only_tls, "{inside}");
        }
        for outside in [
            "0.0.0.0:1",
            "[::]:1",
            "*:1",
            "192.168.1.2:1",
            "[::ffff:10.0.0.1]:1",
        ] {
            for password in [None, Some("p")] {
                let error = at(outside, password).unwrap_err();
                assert!(error.message().contains("other machines"), "{outside}: {error}");
                assert!(!error.to_string().contains("'p'"), "{error}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for wrong in ["", "host:", "example.com:5432", "127.0.0.1:99999", "127.0.0.1"] {
            assert!(address("--http", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_right_name_with_the_right_password() {
        let locked = access(Some("open sesame"));
        assert!(locked.admits("spendscope", "open sesame"));
        assert!(!locked.admits("spendscope", "open sesam"));
        assert!(!locked.admits("Spendscope", "open sesame"));
        assert!(access(None).admits("anybody", ""));
    }
}

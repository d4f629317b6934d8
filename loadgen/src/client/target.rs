//! Where the services are. Plain HTTP addresses only; nothing is connected here.

use crate::plan::journeys::Service;
use balance::{Balancer, Group};
use http::HeaderValue;

/// Why a text is not the address of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not the address of {what}: {reason}; write http://HOST:PORT")]
pub struct TargetError {
    url: String,
    what: String,
    reason: &'static str,
}

/// One address.
#[derive(Debug, Clone)]
pub struct Target {
    /// `host:port` as connected to.
    pub(crate) authority: String,
    pub(crate) host: HeaderValue,
    /// For spans: the host alone.
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Target {
    /// Reads `http://HOST:PORT`; `what` names it in errors. Returns the path and query too.
    pub(crate) fn parse(url: &str, what: &str) -> Result<(Self, String), TargetError> {
        let wrong = |reason| TargetError { url: url.to_owned(), what: what.to_owned(), reason };
        let uri: http::Uri = url.parse().map_err(|_| wrong("no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("only http is spoken"));
        }
        let name = uri.host().filter(|h| !h.is_empty()).ok_or_else(|| wrong("no host"))?.to_owned();
        let port = uri.port_u16().unwrap_or(80);
        let authority = format!("{name}:{port}");
        let host = HeaderValue::from_str(&authority).map_err(|_| wrong("no host"))?;
        let path = uri.path_and_query().map_or_else(|| "/".to_owned(), |p| p.as_str().to_owned());
        Ok((Self { authority, host, name, port }, path))
    }
}

/// Where the three services are: the instances of each. Clones share them.
#[derive(Debug, Clone)]
pub struct Targets {
    user: Balancer,
    product: Balancer,
    order: Balancer,
}

impl Targets {
    /// From the three base URLs, such as `http://127.0.0.1:5001`.
    ///
    /// # Errors
    /// When one is not `http://HOST:PORT`, naming which.
    pub fn new(user: &str, product: &str, order: &str) -> Result<Self, TargetError> {
        let base = |url: &str, service: Service| {
            let what = service.name();
            let (target, path) = Target::parse(url, what)?;
            match Balancer::single(&format!("http://{}", target.authority)) {
                Ok(single) if path == "/" => Ok(single),
                _ => {
                    let (url, what) = (url.to_owned(), what.to_owned());
                    Err(TargetError { url, what, reason: "a base has no path" })
                }
            }
        };
        Ok(Self {
            user: base(user, Service::User)?,
            product: base(product, Service::Product)?,
            order: base(order, Service::Order)?,
        })
    }

    /// One address for all three.
    ///
    /// # Errors
    /// When it is not `http://HOST:PORT`.
    pub fn single(url: &str) -> Result<Self, TargetError> {
        Self::new(url, url, url)
    }

    /// The instances of a service.
    #[must_use]
    pub fn of(&self, service: Service) -> &Balancer {
        match service {
            Service::User => &self.user,
            Service::Product => &self.product,
            Service::Order => &self.order,
        }
    }

    /// The instances of all services by name, to be shown, replaced and watched; what is replaced there is replaced here.
    #[must_use]
    pub fn endpoints(&self) -> Group {
        let all = [Service::User, Service::Product, Service::Order];
        Group::new(all.map(|service| (service.name(), self.of(service).clone())))
    }
}

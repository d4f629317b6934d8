//! What shoppers do: the journeys, their kinds of steps, and one session's requests from the seed.
//! Pure: no clock, no socket. Identifiers of the seed catalogue are written down here and nowhere else.

use super::decide::{Stream, below, decide, exponential};
use super::products::Catalogue;
use std::fmt::Write as _;
use std::time::Duration;

/// A service the generator talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Users, sessions, notifications.
    User,
    /// Catalogue and stock.
    Product,
    /// Orders.
    Order,
}

impl Service {
    /// Its `service.name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user-service",
            Self::Product => "product-service",
            Self::Order => "order-service",
        }
    }
}

/// What a session is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journey {
    /// Lists products and looks at one to three.
    Browse,
    /// Looks at a product, orders it, opens the order.
    Buy,
    /// Looks at two products, orders several at once, opens the order.
    Basket,
    /// Logs in, opens the profile, the order history and the notifications.
    Login,
    /// Asks for what does not exist: planned 404 and 400.
    WrongId,
    /// Orders what is out of stock: planned 409.
    SoldOut,
}

impl Journey {
    /// All, in the order in which plans weigh them.
    pub const ALL: [Self; 6] =
        [Self::Browse, Self::Buy, Self::Basket, Self::Login, Self::WrongId, Self::SoldOut];

    /// The word for it in profiles, spans and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Buy => "buy",
            Self::Basket => "basket",
            Self::Login => "login",
            Self::WrongId => "wrong-id",
            Self::SoldOut => "sold-out",
        }
    }

    /// Requests a session of this journey makes on average.
    #[must_use]
    pub fn mean_steps(self) -> f64 {
        match self {
            // One list and one, two or three views, each equally likely.
            Self::Browse | Self::Buy | Self::WrongId => 3.0,
            Self::Basket | Self::Login => 4.0,
            Self::SoldOut => 2.0,
        }
    }
}

/// A kind of step: one row of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The journey it belongs to.
    pub journey: &'static str,
    /// Its word within the journey.
    pub step: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path template, as the services' routes are written.
    pub route: &'static str,
    /// Who answers.
    pub service: Service,
    /// The planned status. Anything else is a failure.
    pub expect: u16,
}

impl Kind {
    /// Whether the planned answer is an error (4xx): counted as an expected failure.
    #[must_use]
    pub fn planned_error(&self) -> bool {
        self.expect >= 400
    }
}

macro_rules! kinds {
    ($($id:ident = $journey:literal $step:literal $method:literal $route:literal $service:ident $expect:literal;)*) => {
        #[derive(Clone, Copy)]
        enum Id { $($id),* }
        /// Every kind of step there is.
        pub static KINDS: &[Kind] = &[$(Kind {
            journey: $journey, step: $step, method: $method, route: $route, service: Service::$service, expect: $expect,
        }),*];
    };
}

kinds! {
    BrowseList   = "browse"   "list"          "GET"  "/products"                 Product 200;
    BrowseView   = "browse"   "view"          "GET"  "/products/{id}"            Product 200;
    BuyView      = "buy"      "view"          "GET"  "/products/{id}"            Product 200;
    BuyOrder     = "buy"      "order"         "POST" "/orders"                   Order   201;
    BuyReceipt   = "buy"      "receipt"       "GET"  "/orders/{id}"              Order   200;
    BasketView   = "basket"   "view"          "GET"  "/products/{id}"            Product 200;
    BasketOrder  = "basket"   "order"         "POST" "/orders"                   Order   201;
    BasketRcpt   = "basket"   "receipt"       "GET"  "/orders/{id}"              Order   200;
    LoginSession = "login"    "session"       "POST" "/sessions"                 User    201;
    LoginProfile = "login"    "profile"       "GET"  "/users/{id}"               User    200;
    LoginHistory = "login"    "history"       "GET"  "/orders"                   Order   200;
    LoginNotes   = "login"    "notifications" "GET"  "/users/{id}/notifications" User    200;
    WrongProduct = "wrong-id" "product"       "GET"  "/products/{id}"            Product 404;
    WrongUser    = "wrong-id" "user"          "GET"  "/users/{id}"               User    404;
    WrongOrder   = "wrong-id" "order"         "POST" "/orders"                   Order   400;
    SoldView     = "sold-out" "view"          "GET"  "/products/{id}"            Product 200;
    SoldOrder    = "sold-out" "order"         "POST" "/orders"                   Order   409;
}

/// Where a step's path comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// Known from the plan.
    Fixed(String),
    /// This, followed by what an earlier step of the session captured.
    Captured(&'static str),
}

/// One request of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Index into the plan's kinds.
    pub kind: usize,
    /// Path and query, or how it comes about.
    pub path: Path,
    /// JSON body.
    pub body: Option<String>,
    /// Field of the JSON answer that later steps need.
    pub capture: Option<&'static str>,
    /// Pause before the next step.
    pub think: Duration,
}

/// Users of the seed data: 1 to this.
pub const USERS: u64 = 1_000;
/// Ids from here on do not exist, neither as user nor as product.
pub const UNKNOWN: u64 = 1_000_000;
/// Products without stock: the first id and how many.
pub const SOLD_OUT: (u64, u64) = (9_001, 10);
/// The password of every seeded user.
pub const PASSWORD: &str = "correct-horse";

/// Draws one session's decisions and collects its steps.
pub(super) struct Draw<'a> {
    pub(super) seed: u64,
    pub(super) session: u64,
    pub(super) think: Duration,
    pub(super) catalogue: &'a Catalogue,
    pub(super) steps: Vec<Step>,
}

impl Draw<'_> {
    fn bits(&self, stream: Stream, attempt: u64) -> u64 {
        decide(self.seed, stream, self.session, self.steps.len() as u64, attempt)
    }

    fn push(&mut self, id: Id, path: Path, body: Option<String>, capture: Option<&'static str>) {
        // A pause beyond five times the mean would only keep sessions alive; it is one in 150.
        let factor = exponential(self.bits(Stream::Think, 0)).min(5.0);
        let think = Duration::from_nanos((self.think.as_nanos() as f64 * factor) as u64);
        self.steps.push(Step { kind: id as usize, path, body, capture, think });
    }

    fn get(&mut self, id: Id, path: String) {
        self.push(id, Path::Fixed(path), None, None);
    }

    fn user(&self) -> u64 {
        1 + below(decide(self.seed, Stream::User, self.session, 0, 0), USERS)
    }

    fn product(&self, attempt: u64) -> u64 {
        self.catalogue.pick(|part| self.bits(Stream::Product, 2 * attempt + part))
    }

    fn quantity(&self, attempt: u64) -> u64 {
        1 + below(self.bits(Stream::Quantity, attempt), 3)
    }

    /// So many different products, for one basket.
    fn products(&self, count: u64) -> Vec<u64> {
        let mut chosen = Vec::new();
        // With one hot product and all interest on it a basket stays small: attempts are bounded.
        for attempt in 0..count * 8 {
            let product = self.product(attempt);
            if !chosen.contains(&product) {
                chosen.push(product);
            }
            if chosen.len() as u64 == count {
                break;
            }
        }
        chosen
    }

    fn order(&mut self, id: Id, user: u64, product: u64) {
        let body = format!(r#"{{"user_id":{user},"product_id":{product},"quantity":{}}}"#, self.quantity(0));
        let capture = (KINDS[id as usize].expect == 201).then_some("id");
        self.push(id, Path::Fixed("/orders".to_owned()), Some(body), capture);
    }

    pub(super) fn walk(mut self, journey: Journey) -> Vec<Step> {
        let user = self.user();
        match journey {
            Journey::Browse => self.browse(),
            Journey::Buy => {
                let product = self.product(0);
                self.get(Id::BuyView, format!("/products/{product}"));
                self.order(Id::BuyOrder, user, product);
                self.push(Id::BuyReceipt, Path::Captured("/orders/"), None, None);
            }
            Journey::Basket => self.basket(user),
            Journey::Login => self.login(user),
            Journey::WrongId => {
                let wrong = UNKNOWN + below(self.bits(Stream::Product, 0), UNKNOWN);
                self.get(Id::WrongProduct, format!("/products/{wrong}"));
                self.get(Id::WrongUser, format!("/users/{wrong}"));
                let known = self.product(0);
                let user_is_wrong = self.bits(Stream::User, 0).is_multiple_of(2);
                let (user, product) = if user_is_wrong { (wrong, known) } else { (user, wrong) };
                self.order(Id::WrongOrder, user, product);
            }
            Journey::SoldOut => {
                let product = SOLD_OUT.0 + below(self.bits(Stream::Product, 0), SOLD_OUT.1);
                self.get(Id::SoldView, format!("/products/{product}"));
                self.order(Id::SoldOrder, user, product);
            }
        }
        self.steps
    }

    fn browse(&mut self) {
        let category = Catalogue::CATEGORIES
            [below(self.bits(Stream::Listing, 0), Catalogue::CATEGORIES.len() as u64) as usize];
        let page = 1 + below(self.bits(Stream::Listing, 1), 3);
        self.get(Id::BrowseList, format!("/products?category={category}&page={page}"));
        let views = 1 + below(self.bits(Stream::Length, 0), 3);
        for _ in 0..views {
            let product = self.product(0);
            self.get(Id::BrowseView, format!("/products/{product}"));
        }
    }

    fn basket(&mut self, user: u64) {
        let products = self.products(2 + below(self.bits(Stream::Length, 0), 3));
        for product in products.iter().cycle().take(2) {
            self.get(Id::BasketView, format!("/products/{product}"));
        }
        let mut items = String::new();
        for (index, product) in products.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let quantity = self.quantity(index as u64);
            // Writing to a String cannot fail.
            let _ = write!(items, r#"{comma}{{"product_id":{product},"quantity":{quantity}}}"#);
        }
        let body = format!(r#"{{"user_id":{user},"items":[{items}]}}"#);
        self.push(Id::BasketOrder, Path::Fixed("/orders".to_owned()), Some(body), Some("id"));
        self.push(Id::BasketRcpt, Path::Captured("/orders/"), None, None);
    }

    fn login(&mut self, user: u64) {
        let email = match user {
            1 => "alice@example.com".to_owned(),
            2 => "bob@example.com".to_owned(),
            _ => format!("user{user}@example.com"),
        };
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
        self.push(Id::LoginSession, Path::Fixed("/sessions".to_owned()), Some(body), Some("token"));
        self.get(Id::LoginProfile, format!("/users/{user}"));
        self.get(Id::LoginHistory, format!("/orders?user_id={user}"));
        self.get(Id::LoginNotes, format!("/users/{user}/notifications"));
    }
}

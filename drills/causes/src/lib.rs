//! The plain causes of incidents: one closed list, so that an answer can be compared with the truth without judgement.
//!
//! It is a vocabulary and nothing else. How a cause is recognised is the business of whoever looks for it, and what is
//! the truth of an incident is the business of whoever made it; both read this list, and neither reads the other.
//!
//! ```
//! use causes::Cause;
//! let cause: Cause = "pool-exhaustion".parse().expect("one of the list");
//! assert_eq!(cause.family().name(), "database");
//! assert!("pool-exhausted".parse::<Cause>().unwrap_err().to_string().contains("`pool-exhaustion`"));
//! ```

mod list;
mod word;

pub use list::{Cause, Family};
pub use word::UnknownCause;

//! Runs with faults, begun in one way by all who begin one: where requests go, what may be done to the stack, who measures, and spans
//! that are delivered in the end. What is done and when is the caller's, in a schedule.

use std::sync::Arc;

use loadgen::{
    Options,
    faults::{self, Drill, Schedule},
    plan::Plan,
};
use query::Stack;

use crate::{
    doses::Doses,
    failure::Failure,
    run_file::RunFile,
    sender::{
        Sender,
        targets::{self, Followed},
    },
    stack,
};

/// A running stack to which something may be done.
pub struct Ground {
    run: RunFile,
    controls: faults::Stack,
    followed: Followed,
}

impl Ground {
    /// Finds its listeners and its instances, which are followed from now on.
    pub async fn of(run: RunFile) -> Result<Self, Failure> {
        let followed = targets::follow(&run).await?;
        let controls = stack::controls(&run, followed.targets.clone())?;
        Ok(Self { run, controls, followed })
    }

    /// Whether all of it can be done here, before anything is.
    pub async fn check(&self, schedule: &Schedule) -> Result<(), Failure> {
        faults::check(&self.controls, schedule).await.map_err(|e| Failure::environment(e.to_string()))
    }

    /// Begins to send: spans go where the stack's own go, and what is counted is scraped.
    pub async fn begin(self) -> Result<Begun, Failure> {
        let Self { run, controls, followed } = self;
        let sender = Sender::of(&run, followed).await?;
        let apis = stack::of(&run)?;
        Ok(Begun { run, controls, sender, apis })
    }
}

/// A stack on which runs go on.
pub struct Begun {
    run: RunFile,
    controls: faults::Stack,
    sender: Sender,
    apis: Stack,
}

impl Begun {
    /// The stack.
    pub fn run(&self) -> &RunFile {
        &self.run
    }

    /// Its three APIs.
    pub fn apis(&self) -> &Stack {
        &self.apis
    }

    /// A run on it.
    pub fn drill(&self, plan: Plan, options: Options, schedule: Schedule) -> Drill {
        Drill {
            plan: Arc::new(plan),
            options: Options { meter: Some(Arc::clone(&self.sender.meter)), ..options },
            schedule,
            stack: self.controls.clone(),
            gauge: Arc::new(Doses::new(self.apis.clone())),
        }
    }

    /// Delivers the last spans. Instances are followed until then.
    pub async fn end(self) {
        self.sender.end().await;
    }
}

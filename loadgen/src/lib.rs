//! Seeded, partly open load: plan, pacing, ledger, report.

//! Reports and directives with real Envoys: one report per interval for the whole Envoy, exactly the drains that are
//! allowed and no failed request, and caps only when nobody answers.

mod rebalance {
    mod bed;
    mod directives;
    mod edits;
    mod failures;
    mod rates;
    mod reports;
    mod trap;
}

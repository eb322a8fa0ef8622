//! What a request costs in calls to others, held where it is.

use tests::calls::{self, SERVICES, total};
use tests::{World, bars};

/// One AWS call in a warm `session-details`, at most three to DynamoDB and one to ServiceNow for a post of a
/// known record, one to Rescue for a PIN; and no function's calls grow unnoticed.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_to_a_function_costs_more_calls_than_it_did() {
    let counted = calls::count(World::options()).await;
    for calls in &counted {
        for service in SERVICES {
            let counts = (total(&calls.cold, service), total(&calls.warm, service));
            let bar = bars::calls(calls.function, service);
            assert_eq!(counts, bar, "{service}: {calls:#?}");
        }
    }
    let listed = |bar: &bars::CallBar| counted.iter().any(|calls| calls.function == bar.function);
    assert!(bars::CALLS.iter().all(listed));
}

#[test]
fn the_allowed_calls_are_within_the_documented_limits() {
    let (_, dynamodb) = bars::calls("deliver-session", "DynamoDB");
    assert!(dynamodb <= 3);
    assert_eq!(bars::calls("deliver-session", "ServiceNow").1, 1);
    let of = |warm: bool| {
        let bars = bars::CALLS
            .iter()
            .filter(|bar| bar.function == "session-details");
        bars.map(|bar| if warm { bar.warm } else { bar.cold })
            .sum::<usize>()
    };
    assert_eq!((of(false), of(true)), (2, 1));
    assert_eq!(bars::calls("generate-pin", "Rescue").1, 1);
    assert_eq!(bars::calls("generate-pin", "Secrets Manager").1, 0);
}

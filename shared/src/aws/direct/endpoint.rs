//! The endpoint of a service in a region, without the SDK's rules and their list of partitions.

use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// How AWS names a service.
#[derive(Debug)]
pub(crate) struct ServiceName {
    /// In the SDK, and in the names of variables.
    pub(super) id: &'static str,
    /// In endpoints and signatures.
    pub(super) prefix: &'static str,
    /// Whether its FIPS endpoints in GovCloud have a name of their own.
    named_fips_in_govcloud: bool,
    /// Whether its dual-stack endpoints have a domain of their own in the partitions `aws`, `aws-us-gov` and `aws-cn`.
    own_dual_stack: bool,
}

pub(crate) const DYNAMODB: ServiceName = ServiceName {
    id: "DynamoDB",
    prefix: "dynamodb",
    named_fips_in_govcloud: false,
    own_dual_stack: true,
};
pub(crate) const SQS: ServiceName = ServiceName {
    id: "SQS",
    prefix: "sqs",
    named_fips_in_govcloud: false,
    own_dual_stack: true,
};
pub(crate) const SECRETS_MANAGER: ServiceName = ServiceName {
    id: "Secrets Manager",
    prefix: "secretsmanager",
    named_fips_in_govcloud: true,
    own_dual_stack: false,
};

/// Which endpoints of a service are called, as the variables of the same names say.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    fips: bool,
    dual_stack: bool,
}

/// A partition of AWS: the first part of its regions' names, and its domains.
struct Partition {
    regions: &'static str,
    domain: &'static str,
    dual_stack: &'static str,
}

/// The partitions `aws-us-gov`, `aws-cn`, `aws-eusc`, `aws-iso`, `aws-iso-b`, `aws-iso-e` and `aws-iso-f`.
///
/// Source: the SDK's `partitions.json`.
const PARTITIONS: [Partition; 7] = [
    partition("us-gov-", "amazonaws.com", "api.aws"),
    partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

/// The partition `aws`: every other region.
const AWS: Partition = partition("", "amazonaws.com", "api.aws");

const fn partition(
    regions: &'static str,
    domain: &'static str,
    dual_stack: &'static str,
) -> Partition {
    Partition {
        regions,
        domain,
        dual_stack,
    }
}

/// The endpoint of a service. `None`: the configuration contradicts itself, or has no region.
pub(crate) fn endpoint(aws: &SdkConfig, service: &ServiceName) -> Option<String> {
    let kind = Kind {
        fips: aws.use_fips() == Some(true),
        dual_stack: aws.use_dual_stack() == Some(true),
    };
    match configured_endpoint(aws, service) {
        Some(url) => (!kind.fips && !kind.dual_stack).then_some(url),
        None => in_region(service, aws.region()?.as_ref(), kind),
    }
}

/// [`endpoint`] for calls, which fail where there is none.
pub(super) fn endpoint_resolver(aws: &SdkConfig, service: &ServiceName) -> SharedEndpointResolver {
    match endpoint(aws, service) {
        Some(url) => SharedEndpointResolver::new(StaticUriEndpointResolver::uri(url)),
        None => SharedEndpointResolver::new(NoEndpoint),
    }
}

#[derive(Debug)]
struct NoEndpoint;

impl ResolveEndpoint for NoEndpoint {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::ready(Err("the configuration gives no endpoint".into()))
    }
}

/// The endpoint that a variable or the configuration sets, in the SDK's order.
fn configured_endpoint(aws: &SdkConfig, service: &ServiceName) -> Option<String> {
    let common = || aws.endpoint_url().map(str::to_owned);
    if aws.get_origin("endpoint_url").is_client_config() {
        return common();
    }
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = aws
        .service_config()
        .and_then(|config| config.load_config(key));
    own.or_else(common)
}

/// The endpoint in a region. `None`: that is no name of a region.
///
/// Source: the rules in the SDK's `endpoint-rule-set.json` of each service.
fn in_region(service: &ServiceName, region: &str, kind: Kind) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if region.is_empty() || !region.bytes().all(is_part) {
        return None;
    }
    let mut partitions = PARTITIONS.iter();
    let partition = partitions.find(|partition| region.starts_with(partition.regions));
    let partition = partition.unwrap_or(&AWS);
    let is_own = service.own_dual_stack || !["", "us-gov-", "cn-"].contains(&partition.regions);
    let domain = if kind.dual_stack && is_own {
        partition.dual_stack
    } else {
        partition.domain
    };
    let is_named =
        service.named_fips_in_govcloud || kind.dual_stack || partition.regions != "us-gov-";
    let fips = if kind.fips && is_named { "-fips" } else { "" };
    Some(format!(
        "https://{}{fips}.{region}.{domain}",
        service.prefix
    ))
}

#[cfg(test)]
mod tests {
    use aws_types::region::Region;

    use super::*;

    /// The regions in the SDK's `partitions.json`.
    const REGIONS: [&str; 48] = [
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "cn-north-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
        "us-isob-west-1",
        "eu-isoe-west-1",
        "us-isof-east-1",
        "us-isof-south-1",
        "us-gov-east-1",
        "us-gov-west-1",
        // Unknown to it, as a new region is.
        "eu-west-9",
        "us-gov-south-1",
    ];

    /// The endpoints that the SDK chooses, by its own rules.
    macro_rules! by_sdk {
        ($sdk:ident, $region:expr, $kind:expr) => {{
            use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
            let params = Params::builder().region($region).use_fips($kind.fips);
            let params = params.use_dual_stack($kind.dual_stack).build();
            let resolver = DefaultResolver::new().into_shared_resolver();
            let params = EndpointResolverParams::new(params.expect("parameters"));
            let endpoint = resolver.resolve_endpoint(&params).await;
            endpoint.expect("an endpoint").url().to_owned()
        }};
    }

    #[tokio::test]
    async fn the_endpoint_in_a_region_is_the_one_that_the_sdk_chooses() {
        for region in REGIONS {
            for (fips, dual_stack) in [(false, false), (false, true), (true, false), (true, true)] {
                let kind = Kind { fips, dual_stack };
                let ours = |service| in_region(service, region, kind).expect(region);
                assert_eq!(ours(&DYNAMODB), by_sdk!(aws_sdk_dynamodb, region, kind));
                assert_eq!(ours(&SQS), by_sdk!(aws_sdk_sqs, region, kind));
                // Secrets Manager has no FIPS endpoints in China.
                if !(region.starts_with("cn-") && fips) {
                    let sdk = by_sdk!(aws_sdk_secretsmanager, region, kind);
                    assert_eq!(ours(&SECRETS_MANAGER), sdk);
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_no_name_of_a_region_gives_no_endpoint() {
        for region in [
            "",
            "eu-west-1.evil.test/",
            "eu-west-1/",
            "eu west",
            "eu-west-1:80",
        ] {
            assert_eq!(in_region(&SQS, region, Kind::default()), None, "{region}");
        }
    }

    #[test]
    fn an_endpoint_that_is_configured_precedes_the_regions_and_excludes_fips_and_dual_stack() {
        let aws = || SdkConfig::builder().region(Region::from_static("us-gov-west-1"));
        let url = "http://127.0.0.1:1";
        let endpoint = |aws: aws_types::sdk_config::Builder| endpoint(&aws.build(), &SQS);
        assert_eq!(endpoint(aws().endpoint_url(url)).as_deref(), Some(url));
        assert_eq!(endpoint(aws().endpoint_url(url).use_fips(true)), None);
        assert_eq!(endpoint(aws().endpoint_url(url).use_dual_stack(true)), None);
        assert_eq!(endpoint(SdkConfig::builder()), None);
        assert_eq!(
            endpoint(aws().use_dual_stack(true)).as_deref(),
            Some("https://sqs.us-gov-west-1.api.aws")
        );
    }
}

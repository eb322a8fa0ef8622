//! What the command line's code is called with.

use admin::doctor;
use shared::environment::Testing;

use crate::World;

impl World {
    /// The variables that are only for tests: Rescue is the simulator.
    pub fn testing(&self) -> Testing {
        Testing {
            rescue_endpoint_url: Some(self.cloud.rescue.url()),
            allow_loopback: true,
            ..Testing::default()
        }
    }

    /// `doctor` without its optional checks.
    pub fn doctor_options(&self) -> doctor::Options {
        doctor::Options {
            technician: None,
            write_to: None,
            webhook_url: None,
            technicians: None,
            testing: self.testing(),
        }
    }
}

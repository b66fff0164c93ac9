//! What the scenario lets happen to pods and the control plane.

use super::super::control;
use super::super::envoy::Envoy;
use super::super::scenario::{Action, Scenario};
use super::{Happening, Pod, World};
use evenkeel_filter_core::Time;
use std::time::Duration;

impl World<'_> {
    pub(super) fn event(&mut self, now: Time, index: usize) {
        let scenario: &Scenario = self.scenario;
        match &scenario.events[index].action {
            Action::Scale { pods } => self.scale(now, *pods),
            Action::Roll { every } => self.roll(now, *every),
            Action::RestartControlPlane { after } => self.restart_control_plane(now, *after),
            Action::Partition { pod, lasting } => self.partition(now, *pod, *lasting),
            Action::Unready { pod, lasting } => {
                self.set_ready(now, *pod, false);
                self.agenda.plan(now.plus(*lasting), Happening::Ready(*pod));
            }
            Action::Lie { pod, live } => self.pods.get_mut(*pod).into_iter().for_each(|pod| pod.envoy.lies(*live)),
            Action::Weight { pod, weight } => self.weigh(now, *pod, *weight),
            Action::Pause { paused } => self.control.pause(now, scenario, *paused),
        }
    }

    pub(super) fn add_pod(&mut self, now: Time) {
        let Some(envoy) = Envoy::new(now, &self.settings, &mut self.chance) else { return };
        self.agenda.plan(now, Happening::Tick(self.pods.len()));
        self.pods.push(Pod::new(now, envoy));
    }

    /// The youngest pods go first, as Kubernetes does it.
    fn scale(&mut self, now: Time, wanted: usize) {
        let running: Vec<usize> = (0..self.pods.len()).filter(|&pod| self.pods[pod].running).collect();
        (running.len()..wanted).for_each(|_| self.add_pod(now));
        let surplus = running.get(wanted..).unwrap_or_default();
        for &pod in surplus {
            self.pods[pod].running = false;
        }
        self.pods_changed(now);
        for &pod in surplus {
            self.lose_connections(now, pod);
        }
        self.measurements.disturbed(now);
    }

    fn lose_connections(&mut self, now: Time, pod: usize) {
        for client in self.pods[pod].clients() {
            self.disconnect(now, client);
        }
    }

    fn roll(&mut self, now: Time, every: Duration) {
        let running = (0..self.pods.len()).filter(|&pod| self.pods[pod].running);
        for (number, pod) in running.enumerate() {
            self.agenda.plan(now.plus(every * number as u32), Happening::Replace(pod));
        }
    }

    /// The new pod is there before the old one goes.
    pub(super) fn replace(&mut self, now: Time, pod: usize) {
        self.add_pod(now);
        self.pods[pod].running = false;
        self.pods_changed(now);
        self.lose_connections(now, pod);
        self.measurements.disturbed(now);
    }

    fn restart_control_plane(&mut self, now: Time, after: Duration) {
        self.control.stop();
        self.generation += 1;
        self.agenda.plan(now.plus(after), Happening::ControlPlaneIsBack);
    }

    pub(super) fn control_plane_is_back(&mut self, now: Time) {
        self.control.start(now);
        self.agenda.plan(now, Happening::Step { generation: self.generation });
    }

    fn partition(&mut self, now: Time, pod: usize, lasting: Duration) {
        if let Some(partitioned) = self.pods.get_mut(pod) {
            partitioned.reachable = false;
            self.agenda.plan(now.plus(lasting), Happening::Reachable(pod));
        }
    }

    pub(super) fn set_ready(&mut self, now: Time, pod: usize, ready: bool) {
        if let Some(pod) = self.pods.get_mut(pod) {
            pod.ready = ready;
            self.pods_changed(now);
        }
    }

    fn weigh(&mut self, now: Time, pod: usize, weight: u8) {
        if let Some(pod) = self.pods.get_mut(pod) {
            pod.weight = weight;
            self.pods_changed(now);
            self.measurements.disturbed(now);
        }
    }

    /// Balancers and the control plane hear of the pods at once.
    pub(super) fn pods_changed(&mut self, now: Time) {
        let ready = self.ready_pods();
        let weighted: Vec<_> = ready.iter().map(|&pod| (pod, self.pods[pod].weight)).collect();
        self.control.ready(now, &weighted);
        self.weights = control::weights_of(&ready, &self.control.weights());
        self.balancing.pods(ready, self.weights.clone(), &self.open());
    }
}

//! A host that asks for a VIP again and again and keeps no cache: what speakers really answer.

use core::time::Duration;
use std::net::IpAddr;

use ferrolb_neighbor::{Mac, Message, hear, write_request};
use ferrolb_ownership::PORT;
use ferrolb_sansio::Instant;
use ferrolb_sim::Port;

use crate::check::{Rule, passes};
use crate::scene::{CLIENTS, Scene};
use crate::speaker::mac;
use crate::world::World;

/// How long answers are waited for, longer than a frame takes both ways under any fault that delays.
const WAIT: Duration = Duration::from_millis(25);

#[derive(Debug)]
pub(crate) struct Prober {
    mac: Mac,
    asked: Option<Question>,
    turn: usize,
    /// How many questions were asked and judged.
    pub(crate) questions: u64,
}

#[derive(Debug)]
struct Question {
    vip: IpAddr,
    at: Instant,
    /// Speakers that said at some moment since that they answer, and that did all the time, within reach.
    some_time: Vec<bool>,
    all_time: Vec<bool>,
    answered: Vec<Mac>,
}

impl Prober {
    pub(crate) fn new(scene: &Scene) -> Self {
        Self { mac: mac(scene.speakers + CLIENTS + 1), asked: None, turn: 0, questions: 0 }
    }

    pub(crate) fn hear(&mut self, frame: &[u8]) {
        let Ok(heard) = hear(frame, PORT) else { return };
        if let Message::Answer { address, mac, gratuitous: false } = heard.message
            && let Some(question) = self.asked.as_mut().filter(|question| question.vip == address)
            && frame[..6] == self.mac.0
        {
            question.answered.push(mac);
        }
    }
}

/// Notes who says that it answers, judges an old question, asks a new one.
pub(crate) fn watch(world: &mut World) {
    let (now, count) = (world.now(), world.scene.speakers);
    let port = count + CLIENTS + 1;
    if let Some(mut question) = world.prober.asked.take() {
        for node in 0..count {
            // Who thaws or claims may answer and fall silent between two looks.
            let speaker = &world.speakers[node];
            let turned = speaker.thawed.max(speaker.claimed_at(question.vip)) >= question.at;
            question.some_time[node] |= turned || speaker.answers(question.vip);
            question.all_time[node] &= must_answer(world, node, question.vip, question.at);
        }
        if now.since(question.at) < WAIT {
            world.prober.asked = Some(question);
            return;
        }
        judge(world, &question);
    }
    world.prober.turn += 1;
    let vip = world.scene.vips[world.prober.turn % world.scene.vips.len()];
    let says = (0..count).map(|node| world.speakers[node].answers(vip)).collect();
    let must = (0..count).map(|node| must_answer(world, node, vip, now)).collect();
    let asked = Question { vip, at: now, some_time: says, all_time: must, answered: Vec::new() };
    world.prober.asked = Some(asked);
    let own: IpAddr =
        if vip.is_ipv4() { "192.0.2.250".parse().unwrap() } else { "2001:db8::250".parse().unwrap() };
    let mut frame = Vec::new();
    write_request(&mut frame, world.prober.mac, Some(own), vip, None);
    world.network.send(Port(port), &frame);
}

/// Whether a question asked at `asked` would get an answer from the speaker, as things are now.
fn must_answer(world: &World, node: usize, vip: IpAddr, asked: Instant) -> bool {
    let (speaker, port) = (&world.speakers[node], world.scene.speakers + CLIENTS + 1);
    let reached = passes(world, node, port) && passes(world, port, node);
    let prompt = !speaker.late && speaker.thawed < asked;
    speaker.answers(vip) && prompt && reached && !world.network.conditions.loses()
}

fn judge(world: &mut World, question: &Question) {
    world.prober.questions += 1;
    let now = world.now();
    for node in 0..world.scene.speakers {
        let answered = question.answered.contains(&mac(node));
        if answered && !question.some_time[node] || !answered && question.all_time[node] {
            let vip = question.vip;
            world.checks.violate(Rule::Truth, now, || {
                let did = if answered { "answers for" } else { "does not answer for" };
                format!("node-{node} {did} {vip}, asked at {:?}, against its own word", question.at)
            });
        }
    }
}

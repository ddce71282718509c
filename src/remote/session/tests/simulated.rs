//! A simulated service that loses connections and messages at random: whatever happens, every task is
//! made once and every picture is delivered once.

use std::collections::VecDeque;

use super::*;

/// Marsaglia's xorshift (2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// A task that the service has.
struct Made {
    expected: usize,
    /// When each of its pictures is ready.
    ready: Vec<Duration>,
    pushed: usize,
}

struct Service {
    dice: Dice,
    made: BTreeMap<u128, Made>,
    /// Frames on their way to the client.
    frames: VecDeque<Value>,
    /// Frames for a session whose connection is gone.
    kept: Vec<Value>,
    connected: bool,
}

impl Service {
    fn take(&mut self, task: &Value, now: Duration) {
        let id = task["taskUUID"].as_str().map_or(0, |id| Uuid::try_parse(id).unwrap().as_u128());
        match task["taskType"].as_str().unwrap() {
            "authentication" => {
                self.connected = true;
                let expired = self.dice.below(4) == 0;
                let name = if expired { Uuid::new_v4().to_string() } else { SESSION.to_owned() };
                let welcome =
                    json!({ "taskType": "authentication", "connectionSessionUUID": name });
                self.frames.push_back(data(&[welcome]));
                let kept = std::mem::take(&mut self.kept);
                self.frames.extend(kept.into_iter().filter(|_| !expired));
            }
            "ping" => {
                self.frames.push_back(data(&[json!({ "taskType": "ping", "pong": true })]));
            }
            "getResponse" => {
                let answer = self.answer(id, now);
                self.frames.push_back(answer);
            }
            "imageInference" if self.made.contains_key(&id) => {
                self.frames.push_back(error("conflictTaskUUID", id));
            }
            "imageInference" if self.dice.below(8) == 0 => {
                self.frames.push_back(error("rateLimitExceeded", id));
            }
            "imageInference" => {
                let expected = task["numberResults"].as_u64().unwrap() as usize;
                let mut ready: Vec<Duration> = (0..expected)
                    .map(|_| now + Duration::from_millis(self.dice.below(40_000)))
                    .collect();
                ready.sort_unstable();
                self.made.insert(id, Made { expected, ready, pushed: 0 });
            }
            other => panic!("{other}"),
        }
    }

    fn answer(&self, id: u128, now: Duration) -> Value {
        let Some(made) = self.made.get(&id) else { return error("taskNotFound", id) };
        let items: Vec<Value> = (made.ready.iter().zip(0..))
            .map(|(ready, index)| {
                if *ready <= now {
                    success(id, id * 100 + index)
                } else {
                    json!({ "taskUUID": Uuid::from_u128(id), "status": "processing" })
                }
            })
            .collect();
        data(&items)
    }

    /// Pushes what has become ready since.
    fn work(&mut self, now: Duration) {
        for (id, made) in &mut self.made {
            while made.pushed < made.expected && made.ready[made.pushed] <= now {
                let frame = data(&[image(*id, *id * 100 + made.pushed as u128)]);
                made.pushed += 1;
                if self.connected {
                    self.frames.push_back(frame);
                } else {
                    self.kept.push(frame);
                }
            }
        }
    }
}

fn run(seed: u64) {
    let mut bench = Bench::new();
    let mut service = Service {
        dice: Dice(seed * 2 + 1),
        made: BTreeMap::new(),
        frames: VecDeque::new(),
        kept: Vec::new(),
        connected: false,
    };
    let expected: Vec<(u128, usize)> = vec![(1, 4), (2, 1), (3, 3)];
    for (id, count) in &expected {
        bench.take(Event::Submit(Box::new(order(*id, *count))));
    }
    let mut connects = 0;
    while bench.ended.len() < expected.len() {
        assert!(bench.now < Duration::from_mins(15), "seed {seed}: {:?}", bench.delivered);
        if bench.connects > connects {
            connects = bench.connects;
            bench.take(Event::Opened);
        }
        for task in std::mem::take(&mut bench.sent) {
            // Some messages are lost with their connection.
            if service.dice.below(12) == 0 {
                service.connected = false;
                service.frames.clear();
                bench.sent.clear();
                bench.drop_line();
                break;
            }
            service.take(&task, bench.now);
        }
        service.work(bench.now);
        if service.connected && service.dice.below(60) == 0 {
            // Frames on their way are lost, the session's own are kept.
            service.connected = false;
            service.frames.clear();
            bench.drop_line();
        }
        while let Some(frame) = service.frames.pop_front() {
            bench.hear(&frame);
            if service.dice.below(10) == 0 {
                bench.hear(&frame);
            }
        }
        bench.wait(Duration::from_millis(250));
    }
    bench.delivered.sort_unstable();
    let all: Vec<(u128, u128)> = (expected.iter())
        .flat_map(|(id, count)| (0..*count as u128).map(move |index| (*id, id * 100 + index)))
        .collect();
    assert_eq!(bench.delivered, all, "seed {seed}: {:?}", bench.ended);
    let complete = bench.ended.iter().all(|(_, outcome)| *outcome == Outcome::Complete);
    assert!(complete, "seed {seed}: {:?}", bench.ended);
}

#[test]
fn over_a_bad_line_every_task_is_made_once_and_every_picture_delivered_once() {
    for seed in 1..=400 {
        run(seed);
    }
}

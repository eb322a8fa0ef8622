//! What the console remembers: sessions, what was posted for them, and the answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use shared::domain::clock::Timestamp;

use super::super::action::Refused;
use crate::rescue::{Format, Moment, Payload, Phase, PostError, Posted, Session, Simulator};

/// The most sessions that are kept.
const SESSIONS: usize = 500;
/// The most posts that are kept of each.
const POSTS: usize = 20;
/// The most chat messages of a session.
const MESSAGES: usize = 200;
/// How much of an answer's body is kept, in characters.
const ANSWER: usize = 4_000;

/// The sessions that were started on the page, and how Rescue posts them.
#[derive(Default)]
pub(in crate::sandbox) struct Console {
    /// In the order of their start.
    sessions: VecDeque<ConsoleSession>,
    format: Format,
    holding: bool,
    last_post: u64,
}

pub(super) struct ConsoleSession {
    pub(super) session: Session,
    /// `None` while it is in progress.
    pub(super) ended_at: Option<Timestamp>,
    /// In the order in which they were made.
    pub(super) posts: VecDeque<Post>,
}

/// A post that was sent, is being sent or is held back.
pub(super) struct Post {
    pub(super) id: u64,
    pub(super) moment: Arc<Moment>,
    pub(super) format: Format,
    /// The body, when a person has changed it.
    edited: Option<String>,
    pub(super) repeated: bool,
    /// When it was sent or, of one that is held back, made.
    pub(super) at: Timestamp,
    pub(super) state: PostState,
}

pub(super) enum PostState {
    Held,
    Sending,
    Answered { status: u16, body: String },
    Failed(&'static str),
}

impl Post {
    pub(super) fn is_edited(&self) -> bool {
        self.edited.is_some()
    }

    /// What is sent.
    pub(super) fn payload(&self) -> Payload {
        self.payload_as(self.format)
    }

    /// The same moment in a format; in its own format with the changes of a person.
    pub(super) fn payload_as(&self, format: Format) -> Payload {
        match &self.edited {
            Some(body) if format == self.format => format.payload(body.clone()),
            _ => self.moment.payload(format),
        }
    }
}

/// The session of a PIN, whose blanks do not count.
pub(super) fn enter_pin(rescue: &Simulator, typed: &str) -> Result<Session, Refused> {
    let pin: String = typed.split_whitespace().collect();
    if pin.len() != 6 || !pin.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Refused::input("A PIN has six digits. Type them."));
    }
    rescue.enter_pin(&pin).ok_or_else(|| {
        Refused::input(match rescue.is_pin_used(&pin).is_some() {
            true => format!("The PIN {pin} was used before: a PIN starts one session. “New Rescue PIN” on the record gives another one."),
            false => format!("Rescue has given out no PIN {pin}. Check its digits."),
        })
    })
}

impl Console {
    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn is_holding(&self) -> bool {
        self.holding
    }

    pub(super) fn sessions(&self) -> &VecDeque<ConsoleSession> {
        &self.sessions
    }

    /// Sets how posts are made from now on.
    pub(super) fn set(&mut self, format: Format, holding: bool) {
        (self.format, self.holding) = (format, holding);
    }

    /// Adds a session and its first post. Returns the post, unless it is held back.
    pub(super) fn start(&mut self, rescue: &Simulator, session: Session) -> Option<u64> {
        let moment = rescue.moment(&session, Phase::Start);
        let at = session.picked_up_at;
        self.sessions.push_back(ConsoleSession {
            session,
            ended_at: None,
            posts: VecDeque::new(),
        });
        if self.sessions.len() > SESSIONS {
            self.sessions.pop_front();
        }
        let index = self.sessions.len() - 1;
        self.add_moment(index, moment, at)
    }

    pub(super) fn say(
        &mut self,
        session: &str,
        by_technician: bool,
        text: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let index = self.running(session)?;
        let session = &mut self.sessions[index].session;
        if session.chat.len() == MESSAGES {
            let message = format!("A chat has at most {MESSAGES} messages here.");
            return Err(Refused::input(message));
        }
        let customer = session.fields.get("CField0");
        let customer = customer.filter(|name| !name.is_empty());
        let speaker = match by_technician {
            true => session.technician.name.clone(),
            false => customer.map_or("Customer", String::as_str).to_owned(),
        };
        session.say_at(now, &speaker, text);
        Ok(())
    }

    /// Ends a session. Returns its post, unless that is held back.
    pub(super) fn end(
        &mut self,
        rescue: &Simulator,
        session: &str,
        note: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, Refused> {
        let index = self.running(session)?;
        let ended = &mut self.sessions[index];
        ended.ended_at = Some(now);
        ended.session.idle_at_end = Duration::ZERO;
        ended.session.lasted = now.since(ended.session.picked_up_at);
        note.clone_into(&mut ended.session.note);
        let moment = rescue.moment(&ended.session, Phase::End);
        Ok(self.add_moment(index, moment, now))
    }

    /// Lets go of a post that is held back.
    pub(super) fn release(&mut self, post: &str, now: Timestamp) -> Result<u64, Refused> {
        let (session, index) = self.position(post)?;
        let post = &mut self.sessions[session].posts[index];
        if !matches!(post.state, PostState::Held) {
            return Err(Refused::input("This post is not held back."));
        }
        post.state = PostState::Sending;
        post.at = now;
        Ok(post.id)
    }

    /// Adds posts of the same moment as another, with this body.
    pub(super) fn repeat(
        &mut self,
        post: &str,
        format: Format,
        body: &str,
        times: usize,
        now: Timestamp,
    ) -> Result<Vec<u64>, Refused> {
        let (session, index) = self.position(post)?;
        let moment = Arc::clone(&self.sessions[session].posts[index].moment);
        let edited = (moment.payload(format).body != body).then(|| body.to_owned());
        let again = (0..times).map(|_| {
            self.add(
                session,
                Post {
                    id: 0,
                    moment: Arc::clone(&moment),
                    format,
                    edited: edited.clone(),
                    repeated: true,
                    at: now,
                    state: PostState::Sending,
                },
            )
        });
        Ok(again.collect())
    }

    /// What is sent for a post.
    pub(super) fn outgoing(&self, post: u64) -> Option<(Phase, Payload)> {
        let mut posts = self.sessions.iter().flat_map(|session| &session.posts);
        let post = posts.find(|known| known.id == post)?;
        Some((post.moment.phase, post.payload()))
    }

    /// Keeps what came of a post.
    pub(super) fn answered(&mut self, post: u64, outcome: Result<Posted, PostError>) {
        let sessions = self.sessions.iter_mut();
        let mut posts = sessions.flat_map(|session| &mut session.posts);
        if let Some(post) = posts.find(|known| known.id == post) {
            post.state = match outcome {
                Ok(posted) => PostState::Answered {
                    status: posted.status,
                    body: posted.body.chars().take(ANSWER).collect(),
                },
                Err(error) => PostState::Failed(error.sentence()),
            };
        }
    }

    fn add_moment(&mut self, session: usize, moment: Moment, at: Timestamp) -> Option<u64> {
        let state = match self.holding {
            true => PostState::Held,
            false => PostState::Sending,
        };
        let post = Post {
            id: 0,
            moment: Arc::new(moment),
            format: self.format,
            edited: None,
            repeated: false,
            at,
            state,
        };
        let id = self.add(session, post);
        (!self.holding).then_some(id)
    }

    fn add(&mut self, session: usize, post: Post) -> u64 {
        self.last_post += 1;
        let id = self.last_post;
        let posts = &mut self.sessions[session].posts;
        posts.push_back(Post { id, ..post });
        if posts.len() > POSTS {
            posts.pop_front();
        }
        id
    }

    /// The position of a session in progress.
    fn running(&self, id: &str) -> Result<usize, Refused> {
        let mut sessions = self.sessions.iter();
        let index = sessions.position(|known| known.session.id == id);
        let index = index.ok_or_else(|| Refused::input("The console has no such session."))?;
        match self.sessions[index].ended_at {
            None => Ok(index),
            Some(_) => Err(Refused::input("This session has ended already.")),
        }
    }

    /// The positions of a post's session and of the post in it.
    fn position(&self, id: &str) -> Result<(usize, usize), Refused> {
        let id: Option<u64> = id.parse().ok();
        let mut sessions = self.sessions.iter().enumerate();
        let found = sessions.find_map(|(index, session)| {
            let mut posts = session.posts.iter();
            Some((index, posts.position(|post| Some(post.id) == id)?))
        });
        found.ok_or_else(|| Refused::input("The console no longer has this post."))
    }
}

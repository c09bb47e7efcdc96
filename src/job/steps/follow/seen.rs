//! What each observation changes, and what it leads to at once.

use super::{Follow, FollowStep, others};
use crate::job::application::{AppState, Application, YarnAnswer};
use crate::job::machine::{FinalWord, Run};
use crate::job::verdict::{LivyView, livy_view};
use crate::job::world::{LivyAnswer, Observed};

/// So many lists that leave out what is active by id are no accident.
const LEFT_OUT: u8 = 2;

impl Follow {
    /// What the sweeps saw.
    pub(super) fn see_observed(&mut self, observed: Observed) -> Option<FollowStep> {
        let before = self.observed.as_ref();
        let was_missing = before.is_some_and(|before| before.missing);
        let livy_before = before.map(|before| livy_view(&self.run, &before.livy));
        let livy = livy_view(&self.run, &observed.livy);
        if livy_before != Some(livy) || (observed.missing && !was_missing) {
            // What YARN said before this is of another time.
            (self.answer, self.asked) = (None, None);
        }
        let first = observed.active.as_deref().and_then(<[Application]>::first).map(|first| first.id.clone());
        let livy_seen = observed.livy.clone();
        self.observed = Some(observed);
        if let LivyAnswer::Seen(view) = &livy_seen
            && livy != LivyView::NotOurs
        {
            if self.run.proxy_user.is_some() && view.proxy_user != self.run.proxy_user {
                return Some(FollowStep::Refuse(view.proxy_user.clone()));
            }
            if let (Some(id), None) = (&view.application, &self.run.application) {
                return Some(FollowStep::Learn(self.known_as(id)));
            }
        }
        let unknown = self.run.application.is_none();
        first.filter(|_| unknown).map(|first| FollowStep::Learn(self.known_as(&first)))
    }

    /// What YARN says about this run alone.
    pub(super) fn see_answer(&mut self, yarn: YarnAnswer) -> Option<FollowStep> {
        let found = match &yarn {
            YarnAnswer::Answer(found) => found.first().cloned(),
            YarnAnswer::Hidden(reason) => {
                let hidden = self.run.application.clone().map(|id| FollowStep::Hide(id, reason.clone()));
                self.answer = Some(yarn);
                return hidden;
            }
            YarnAnswer::Off | YarnAnswer::Unreachable(_) => None,
        };
        if let YarnAnswer::Answer(found) = &yarn {
            self.doubled |= !others(found, found.first().map(|first| first.id.as_str())).is_empty();
        }
        self.answer = Some(yarn);
        let application = found?;
        if let AppState::Ended(_) = application.state {
            let run = self.known_as(&application.id);
            let doubled = self.doubled || is_older_than_its_post(&application, &run);
            return FinalWord::of(application, doubled).map(|word| FollowStep::Judge(run, Box::new(word)));
        }
        if self.run.application.is_none() {
            return Some(FollowStep::Learn(self.known_as(&application.id)));
        }
        let missing = self.observed.as_ref().is_some_and(|observed| observed.missing);
        self.left_out = if missing { self.left_out.saturating_add(1) } else { 0 };
        (self.left_out >= LEFT_OUT && !self.hides).then(|| {
            FollowStep::Hide(
                application.id,
                "its lists leave out an application that it shows as active by id".to_owned(),
            )
        })
    }
}

/// The application came of an earlier POST than the one that Livy accepted: what that one starts may still appear.
/// YARN can hide an application until a search has called it absent and the batch was submitted again.
fn is_older_than_its_post(application: &Application, run: &Run) -> bool {
    application.started.zip(run.submitted).is_some_and(|(started, submitted)| started < submitted)
}

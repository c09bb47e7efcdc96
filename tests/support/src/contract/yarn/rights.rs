//! Cases about somebody who may not see or kill another's application: `yarn.acl.enable`, and
//! `yarn.webapp.filter-entity-list-by-user` beside it.

use serde_json::{Value, json};

use super::killing::ask;
use super::{ACTIVE, Client, Expect, Life, RUNNING, is_json, number};

/// Somebody else.
const OTHER: &str = "spark-job-worker";

/// Another user's application that runs, on a ResourceManager that may be restarted between the cases.
pub struct Restricted {
    client: Client,
    life: Life,
    /// Who may see and kill it.
    owner: String,
}

impl Restricted {
    /// Starts one by the Livy at `livy`, and waits until it runs.
    pub async fn start(manager: &str, livy: &str, expect: &Expect) -> Self {
        let client = Client::new(manager, livy, expect.within);
        let life = client.follow("restricted", &expect.stays, &RUNNING).await;
        let owner = life.last()["user"].as_str().expect("it has a user").to_owned();
        Self { client, life, owner }
    }

    fn by(&self, user: &str) -> String {
        format!("{}?deSelects=resourceRequests&user.name={user}", self.life.url())
    }

    async fn listed(&self, user: &str) -> Vec<Value> {
        let tag = &self.life.tag;
        self.client.list(&format!("applicationTags={tag}&states={ACTIVE}&user.name={user}")).await
    }

    /// By id everybody is told the state, the tags and the costs, and others no times; a list has as much, or nothing
    /// where it `hides`. Others may not kill.
    ///
    /// # Panics
    /// If it is not so.
    pub async fn cases(&mut self, hides: bool) {
        // A connection from before a restart breaks at the first question.
        self.client = Client::new(&self.client.manager, &self.client.livy, self.client.within);
        let client = &self.client;
        let running = || async {
            let found = self.listed(&self.owner).await.into_iter().next()?;
            (found["state"] == "RUNNING" && number(&found, "startedTime") > 0).then_some(())
        };
        super::eventually(client.within, "an application that runs, also after a restart", running).await;
        let view = client.application(&self.by(OTHER)).await;
        self.assert_glance(&view, "RUNNING");
        match self.listed(OTHER).await.as_slice() {
            [] => assert!(hides, "no list has it"),
            [listed] => {
                assert!(!hides, "a list has it: {listed}");
                self.assert_glance(listed, "RUNNING");
            }
            more => panic!("{more:?}"),
        }
        let nobody = client.application(&self.life.url()).await;
        self.assert_glance(&nobody, "RUNNING");
        let refused = ask(client, &self.life.url(), OTHER, "KILLED").await;
        let words = format!("Unauthorized attempt to kill appid {} by remote user {OTHER}", self.life.id);
        // A text that is called JSON.
        assert_eq!((refused.status, is_json(&refused), &refused.body), (403, true, &words), "{refused:?}");
        assert_eq!(client.application(&self.by(&self.owner)).await["state"], json!("RUNNING"));
    }

    /// The owner kills it, and others are told that it is dead, but not when.
    ///
    /// # Panics
    /// If it is not so.
    pub async fn ends(self) {
        let client = &self.client;
        let taken = ask(client, &self.life.url(), &self.owner, "KILLED").await;
        assert_eq!(taken.status, 202, "{taken:?}");
        client.ended(&self.by(OTHER)).await;
        let view = client.application(&self.by(OTHER)).await;
        self.assert_glance(&view, "KILLED");
        assert_eq!(view["finalStatus"], json!("KILLED"));
        assert!(
            view["diagnostics"]
                .as_str()
                .is_some_and(|said| said.ends_with(&format!("by user {}", self.owner)))
        );
        // There is nothing to forbid any more.
        let again = ask(client, &self.life.url(), OTHER, "KILLED").await;
        assert_eq!((again.status, again.json()), (200, json!({ "state": "KILLED" })));
        assert!(number(&client.application(&self.by(&self.owner)).await, "finishedTime") > 0);
    }

    fn assert_glance(&self, view: &Value, state: &str) {
        assert_eq!(view["id"], json!(self.life.id), "{view}");
        assert_eq!((&view["state"], &view["user"]), (&json!(state), &json!(self.owner)), "{view}");
        let tags = view["applicationTags"].as_str().unwrap_or_default();
        assert!(tags.contains(&self.life.tag.to_lowercase()), "{view}");
        for key in ["startedTime", "launchTime", "finishedTime", "elapsedTime"] {
            assert_eq!(number(view, key), 0, "no {key} for others: {view}");
        }
        assert_eq!(view["amContainerLogs"], Value::Null, "{view}");
        // Costs are told; those of containers that run are counted anew after a restart.
        assert!(number(view, "memorySeconds") >= number(view, "vcoreSeconds"), "{view}");
    }
}

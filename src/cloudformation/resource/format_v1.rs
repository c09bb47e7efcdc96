//! The first format of a resource's file: a contract with every later version, apart from the types that decide.
//!
//! A change here needs a new format. `tests/fixtures/resources/v1` has a file.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Act, Fate, Generation, Known, Proof, Refusal, Resource, RunRecord, Which};
use crate::cloudformation::request::Fingerprint;
use crate::job::journal::{Unreadable, seal, unseal};
use crate::job::timestamp::Timestamp;

/// What its first line begins with.
const KIND: &str = "spark-job-worker-resource";
/// The format that this version writes, and the newest that it reads.
pub(in crate::cloudformation) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResourceV1 {
    stack: String,
    logical: String,
    newest: Option<u64>,
    tombstone: Option<u64>,
    requests: Vec<RequestV1>,
    generations: Vec<GenerationV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RequestV1 {
    id: String,
    at: u64,
    open: bool,
    act: ActV1,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum ActV1 {
    Known,
    Stale,
    Superseded,
    InvalidInput,
    Lost,
    Keep {
        generation: Option<String>,
    },
    Adopt {
        generation: String,
    },
    #[serde(rename_all = "camelCase")]
    Run {
        generation: String,
        stops_first: bool,
    },
    End {
        which: WhichV1,
        proof: ProofV1,
        late: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WhichV1 {
    Generation(String),
    UpTo(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ProofV1 {
    OneAnswer,
    Settled,
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GenerationV1 {
    id: String,
    name: String,
    fingerprint: String,
    begun: u64,
    newest: u64,
    deleted: bool,
    runs: Vec<RunV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RunV1 {
    request: String,
    at: u64,
    name: String,
    application: Option<String>,
    fate: FateV1,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum FateV1 {
    Pending,
    Standing,
    Dying,
    Succeeded,
    Over,
}

impl Resource {
    /// The bytes of its file.
    ///
    /// # Errors
    /// Where something of it cannot be written as JSON, which does not happen.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        Ok(seal(KIND, VERSION, &serde_json::to_vec(&ResourceV1::of(self))?))
    }

    /// The resource whose file these bytes are.
    ///
    /// # Errors
    /// Why they are none.
    pub fn decode(bytes: &[u8]) -> Result<Resource, Unreadable> {
        match unseal(KIND, VERSION, bytes)? {
            (VERSION, payload) => serde_json::from_slice::<ResourceV1>(payload)
                .map(ResourceV1::read)
                .map_err(|error| Unreadable::Foreign(error.to_string())),
            (other, _) => Err(Unreadable::Foreign(format!("format {other} never was"))),
        }
    }
}

impl ResourceV1 {
    fn of(resource: &Resource) -> ResourceV1 {
        let request = |known: &Known| RequestV1 {
            id: known.id.clone(),
            at: known.at.0,
            open: known.open,
            act: ActV1::of(&known.act),
        };
        ResourceV1 {
            stack: resource.stack_id.clone(),
            logical: resource.logical_id.clone(),
            newest: resource.newest.map(|at| at.0),
            tombstone: resource.tombstone.map(|at| at.0),
            requests: resource.requests.iter().map(request).collect(),
            generations: resource.generations.iter().map(GenerationV1::of).collect(),
            lost: resource.lost.map(|at| at.0),
        }
    }

    fn read(self) -> Resource {
        let request = |known: RequestV1| Known {
            id: known.id,
            at: Timestamp(known.at),
            open: known.open,
            act: known.act.read(),
        };
        Resource {
            stack_id: self.stack,
            logical_id: self.logical,
            newest: self.newest.map(Timestamp),
            tombstone: self.tombstone.map(Timestamp),
            requests: self.requests.into_iter().map(request).collect(),
            generations: self.generations.into_iter().map(GenerationV1::read).collect(),
            lost: self.lost.map(Timestamp),
        }
    }
}

impl ActV1 {
    fn of(act: &Act) -> ActV1 {
        match act {
            Act::Known => ActV1::Known,
            Act::Stale => ActV1::Stale,
            Act::Refuse(Refusal::Superseded) => ActV1::Superseded,
            Act::Refuse(Refusal::InvalidInput) => ActV1::InvalidInput,
            Act::Refuse(Refusal::Lost) => ActV1::Lost,
            Act::Keep { generation } => ActV1::Keep { generation: generation.clone() },
            Act::Adopt { generation } => ActV1::Adopt { generation: generation.clone() },
            Act::Run { generation, stops_first } => {
                ActV1::Run { generation: generation.clone(), stops_first: *stops_first }
            }
            Act::End { which, proof, late } => ActV1::End {
                which: match which {
                    Which::Generation(id) => WhichV1::Generation(id.clone()),
                    Which::UpTo(at) => WhichV1::UpTo(at.0),
                },
                proof: match proof {
                    Proof::OneAnswer => ProofV1::OneAnswer,
                    Proof::Settled => ProofV1::Settled,
                    Proof::Unknown => ProofV1::Unknown,
                },
                late: *late,
            },
        }
    }

    fn read(self) -> Act {
        match self {
            ActV1::Known => Act::Known,
            ActV1::Stale => Act::Stale,
            ActV1::Superseded => Act::Refuse(Refusal::Superseded),
            ActV1::InvalidInput => Act::Refuse(Refusal::InvalidInput),
            ActV1::Lost => Act::Refuse(Refusal::Lost),
            ActV1::Keep { generation } => Act::Keep { generation },
            ActV1::Adopt { generation } => Act::Adopt { generation },
            ActV1::Run { generation, stops_first } => Act::Run { generation, stops_first },
            ActV1::End { which, proof, late } => Act::End {
                which: match which {
                    WhichV1::Generation(id) => Which::Generation(id),
                    WhichV1::UpTo(at) => Which::UpTo(Timestamp(at)),
                },
                proof: match proof {
                    ProofV1::OneAnswer => Proof::OneAnswer,
                    ProofV1::Settled => Proof::Settled,
                    ProofV1::Unknown => Proof::Unknown,
                },
                late,
            },
        }
    }
}

impl GenerationV1 {
    fn of(generation: &Generation) -> GenerationV1 {
        GenerationV1 {
            id: generation.id.clone(),
            name: generation.name.clone(),
            fingerprint: generation.fingerprint.0.clone(),
            begun: generation.begun.0,
            newest: generation.newest.0,
            deleted: generation.deleted,
            runs: generation.runs.iter().map(RunV1::of).collect(),
        }
    }

    fn read(self) -> Generation {
        Generation {
            id: self.id,
            name: self.name,
            fingerprint: Fingerprint(self.fingerprint),
            begun: Timestamp(self.begun),
            newest: Timestamp(self.newest),
            deleted: self.deleted,
            runs: self.runs.into_iter().map(RunV1::read).collect(),
        }
    }
}

impl RunV1 {
    fn of(run: &RunRecord) -> RunV1 {
        RunV1 {
            request: run.request.clone(),
            at: run.at.0,
            name: run.name.clone(),
            application: run.application.clone(),
            fate: match run.fate {
                Fate::Pending => FateV1::Pending,
                Fate::Standing => FateV1::Standing,
                Fate::Dying => FateV1::Dying,
                Fate::Succeeded => FateV1::Succeeded,
                Fate::Over => FateV1::Over,
            },
        }
    }

    fn read(self) -> RunRecord {
        RunRecord {
            request: self.request,
            at: Timestamp(self.at),
            name: self.name,
            application: self.application,
            fate: match self.fate {
                FateV1::Pending => Fate::Pending,
                FateV1::Standing => Fate::Standing,
                FateV1::Dying => Fate::Dying,
                FateV1::Succeeded => Fate::Succeeded,
                FateV1::Over => Fate::Over,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudformation::resource::tests::of_every_kind;

    #[test]
    fn what_is_written_is_read_back() {
        for resource in [of_every_kind(), Resource::default()] {
            let bytes = resource.encode().expect("JSON");
            assert_eq!(Resource::decode(&bytes), Ok(resource));
        }
    }

    #[test]
    fn the_file_of_this_format_stays_as_it_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/resources/v1/1cf9002f27fdf2f0");
        let golden = std::fs::read(path).expect("a file of this format");
        let told = String::from_utf8_lossy(&golden);
        assert_eq!(Resource::decode(&golden), Ok(of_every_kind()), "{told}");
        let written = of_every_kind().encode().expect("JSON");
        assert_eq!(String::from_utf8_lossy(&written), told);
    }

    #[test]
    fn what_is_damaged_foreign_or_newer_is_told_apart() {
        let bytes = of_every_kind().encode().expect("JSON");
        for cut in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            assert!(matches!(Resource::decode(&bytes[..cut]), Err(Unreadable::Malformed(_))), "{cut}");
        }
        let foreign = seal(KIND, VERSION, br#"{"surprise":1}"#);
        assert!(matches!(Resource::decode(&foreign), Err(Unreadable::Foreign(_))));
        assert_eq!(Resource::decode(&seal(KIND, VERSION + 1, b"")), Err(Unreadable::Newer(VERSION + 1)));
        let task = seal("spark-job-worker", 1, b"{}");
        assert!(matches!(Resource::decode(&task), Err(Unreadable::Malformed(_))), "a task's entry");
    }
}

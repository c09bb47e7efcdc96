//! The YARN tags by which applications are found again, and the short ids in them.
//!
//! Every application of this worker has the tag `spark-job-worker` and the tag of its run, `sjw-` and the task id. A run
//! can belong to a generation of a resource that outlives its task: then it has `sjw-g-…` and `sjw-r-…` as well. All are
//! in lower case, because YARN makes them so, and none has to be remembered: each is made from ids that come again.

use sha2::{Digest, Sha256};

/// On every application of this worker.
pub const OURS: &str = "spark-job-worker";
/// What the worker's own tags begin with. No task may bring one.
const OWN: &str = "sjw-";
const GENERATION: &str = "sjw-g-";
const RESOURCE: &str = "sjw-r-";
/// The digits of an id: 64 bits tell apart all that one cluster ever sees.
const DIGITS: usize = 16;

/// The first 16 hex digits of the SHA-256 of the parts, joined by line ends.
pub fn short_id(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n"));
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is such an id.
pub fn is_short_id(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The tag of a task's run: how it is found where nothing else is known of it.
pub fn of_run(task_id: &str) -> String {
    format!("{OWN}{task_id}")
}

/// The tag of all runs of a generation.
pub fn of_generation(id: &str) -> String {
    format!("{GENERATION}{id}")
}

/// The tag of all runs of a resource.
pub fn of_resource(id: &str) -> String {
    format!("{RESOURCE}{id}")
}

/// Whether a tag of a task's own would be taken for one of the worker's.
pub fn is_reserved(tag: &str) -> bool {
    tag.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN))
}

/// The id of the task whose run has this tag; `None` where it is no run's.
pub fn task_of(tag: &str) -> Option<&str> {
    tag.strip_prefix(OWN).filter(|id| is_short_id(id))
}

/// The run's tag among an application's, which are joined by commas. Without one, what at least looks like ours and is no
/// group's: an application that nobody knows must be seen as well.
pub fn run_among(tags: &str) -> Option<&str> {
    let is_group = |tag: &str| tag.starts_with(GENERATION) || tag.starts_with(RESOURCE);
    let odd = || tags.split(',').find(|tag| tag.starts_with(OWN) && !is_group(tag));
    tags.split(',').find(|tag| task_of(tag).is_some()).or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    #[test]
    fn an_id_is_the_beginning_of_the_hash_of_lines_without_one_at_the_end() {
        // printf 'a\nb' | sha256sum
        assert_eq!(short_id(&["a", "b"]), "7e18f737311b2dc3");
        assert!(is_short_id(&short_id(&["x"])) && short_id(&["a", "b"]) != short_id(&["ab"]));
        for odd in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"] {
            assert!(!is_short_id(odd), "{odd}");
        }
    }

    #[test]
    fn a_run_is_told_from_the_groups_that_it_belongs_to_in_any_order() {
        let (run, generation, resource) = (of_run(ID), of_generation(ID), of_resource(ID));
        assert_eq!(
            [&*run, &*generation, &*resource],
            ["sjw-0123456789abcdef", "sjw-g-0123456789abcdef", "sjw-r-0123456789abcdef"]
        );
        for tags in
            [[&run, &generation, &resource], [&resource, &generation, &run], [&generation, &run, &resource]]
        {
            let tags = format!("mine,{OURS},{}", tags.map(String::as_str).join(","));
            assert_eq!(run_among(&tags), Some(run.as_str()), "{tags}");
        }
        assert_eq!(task_of(&run), Some(ID));
        assert_eq!([task_of(&generation), task_of(&resource), task_of("sjw-1")], [None; 3]);
    }

    #[test]
    fn an_application_of_ours_without_a_tag_of_our_form_is_still_seen() {
        assert_eq!(run_among("a,sjw-odd,b"), Some("sjw-odd"));
        assert_eq!(run_among("a,sjw-odd,sjw-0123456789abcdef"), Some("sjw-0123456789abcdef"));
        assert_eq!(run_among(&format!("a,{},{}", of_generation(ID), of_resource(ID))), None);
        assert_eq!(run_among("spark-job-worker"), None);
    }

    #[test]
    fn what_begins_like_ours_is_reserved_in_any_case() {
        for tag in ["sjw-", "SJW-g-1", "sJw-x"] {
            assert!(is_reserved(tag), "{tag}");
        }
        for tag in ["", "sjw", "my-sjw-", "größe"] {
            assert!(!is_reserved(tag), "{tag}");
        }
    }
}

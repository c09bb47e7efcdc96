//! What a line is about, for machines: one id for each event that an operator acts on.
//!
//! It is logged as the field `message_id`, found by `journalctl MESSAGE_ID=…`, and explained by the catalog.

/// The worker runs: configuration valid, loops up.
pub const STARTED: &str = "2281459b3c16408cbf737524243afe9a";

/// The worker cannot serve with this configuration or this Livy, and is not started again.
pub const CONFIGURATION_WRONG: &str = "bbe59745e29d48b2a6cbfbce1a10af09";

/// The worker ends with an error, and is started again.
pub const FATAL: &str = "ec37682490c540709762b8ec90be0a08";

/// The worker stops; jobs stay as `[stop] on_stop` says.
pub const STOPPING: &str = "8d33777496d8457e90695b08cc0e40d0";

/// The node goes down for good: every task is given back.
pub const TERMINATING: &str = "b1c0a4d6f7f64b0aa6a2a1f5f3c0f7de";

/// Polls are paused because an operator has said so, or were before a restart.
pub const PAUSED: &str = "8a5c0e3f7d1b4f96b2e4c7d90a6f1835";

/// A pause is over: polls go on.
pub const RESUMED: &str = "f3b6d18e52c94a07a9d0e1c47b8f2660";

/// The control socket or the loopback endpoint cannot be had; jobs go on without.
pub const ADMIN_UNAVAILABLE: &str = "4d8de1ba2f3b4a76a6be5b52a5c2d9f1";

/// A task was received and its heartbeats begin.
pub const TASK_RECEIVED: &str = "52137f6a6a514d2a91920493821b60eb";

/// Livy has taken the job as a batch.
pub const JOB_SUBMITTED: &str = "bf5bf1f9bbef49158db083c0b2955797";

/// The job succeeded. The outcome is fixed and will now be reported to Step Functions.
pub const TASK_SUCCEEDED: &str = "97725414563b43c79e7004f7378e905b";

/// Jobs of Spark's failed in what YARN, or the interpreter, calls a success.
pub const FAILED_WITHIN: &str = "a41d7be05c3849f2b6e08c95d1f73a60";

/// The task failed. The outcome is fixed and will now be reported to Step Functions.
pub const TASK_FAILED: &str = "b53c985b70d644fabe39f00e83d1e65c";

/// Nobody waits for the task: its execution was stopped or timed out. The job is being killed.
pub const TOKEN_DEAD: &str = "ee695f99f6224f8ab2031708caebb80f";

/// What became of the job cannot be known any more; it is not run again.
pub const JOB_LOST: &str = "15f4af63b9a046348ff044c7b8888124";

/// What a session answers about statements cannot be trusted, or it answers nothing any more. It is ended.
pub const SESSION_BROKEN: &str = "5b1d9c40e7a24f6d8b3c6a0f92d7e184";

/// A kill counts as done without YARN's word.
pub const KILL_UNVERIFIED: &str = "e44bf2e203504d92b2b3e1dbfd6ea6eb";

/// Step Functions refuses a task's outcome for good, in its shortest form too.
pub const REPORT_REFUSED: &str = "64593a6e58e2408aa100ba535e7fbb6d";

/// Polling an activity is troubled; the worker goes on trying.
pub const ACTIVITY_TROUBLE: &str = "10f8aacc46224feebb9f8011d927c403";

/// A request of CloudFormation's was received and decided about.
pub const REQUEST_RECEIVED: &str = "6f1d0c5b8a7e4d34a1c2f7b0956e3d18";

/// A message of the queue is no request that may be answered. It is not run, and stays for the dead letters.
pub const REQUEST_REFUSED: &str = "c0b7e4a25d914f6c9be83a1f72d6504e";

/// The queue of CloudFormation's requests is troubled, or works again; the worker goes on trying.
pub const QUEUE_TROUBLE: &str = "93a85e6dd0f14c27b4f6219ce07b8a5d";

/// A resource's file cannot be read. It is kept, and its runs are found by their tags alone.
pub const RESOURCE_CORRUPT: &str = "2e7c90f4b3a64d8f8c15d6e0a97b4f32";

/// Livy does not answer: no task is polled, running jobs are waited for.
pub const LIVY_UNREACHABLE: &str = "af3ed7eead0942a4bedd4a47f6cacbdf";

/// Livy answers again.
pub const LIVY_BACK: &str = "1d215690cba0420dab8b410f191a199d";

/// A file that says where Livy or YARN is exists, and cannot be read or does not tell. No task is polled.
pub const ADDRESS_UNKNOWN: &str = "1f0c6f6c2d7d4b6e9a3e5a8e4f2b7c90";

/// Livy is there and cannot be used: its certificate is not trusted, or it does not take our password. No task is
/// polled, running jobs are waited for.
pub const LIVY_ACCESS_DENIED: &str = "0978a619daee4c128828c2a18785f276";

/// YARN is there and cannot be used: its certificate is not trusted, or it does not take our password.
pub const YARN_ACCESS_DENIED: &str = "88ef1729623046569c02e0cbf4f4fcf2";

/// YARN's lists leave out applications of ours, or it does not let us see one; and when that is over.
pub const YARN_HIDES: &str = "d2a7c1f0b8e94c35a6f1e2b3c4d5f607";

/// YARN answers, and not about one application, again and again.
pub const YARN_UNREADABLE: &str = "7b0e5d3c9a1f4e62b84d6c2f1a90e357";

/// The configuration has certificates of Livy or YARN go unverified.
pub const TLS_INSECURE: &str = "c836b9c52a544ba49a0a1bf1ad33218f";

/// A bug in the worker ended a task's loop.
pub const JOB_PANICKED: &str = "b06417dccb3e4454bc553ae4c0cc2145";

/// A bug in the worker: code panicked. The line says where; what that ended, other lines say.
pub const PANICKED: &str = "0e35cccff9d54cc88a10014d99728326";

/// A bug in the worker: an event that does not fit the state of its task was ignored.
pub const ILLEGAL_EVENT: &str = "347f6f4d843b4086888c46bb2a10e3ed";

/// Lines of the log were dropped because journald or stderr did not take them in time.
pub const LINES_DROPPED: &str = "741fe6466cc240389f3f39b62aaf3891";

/// A job has a second application in YARN. It is being killed; the oldest goes on.
pub const APPLICATION_DOUBLED: &str = "d1233133d65842e5a1a70b8d446816b2";

/// YARN does not answer.
pub const YARN_UNREACHABLE: &str = "5e27ccebefa0425b900c828e4a04b477";

/// YARN answers again.
pub const YARN_BACK: &str = "6977beb89fbf416d84df39eddd120807";

/// YARN does not let the worker kill an application.
pub const KILL_FORBIDDEN: &str = "e53342352df2479d8d52d0f47bed251c";

/// The journal has an entry that cannot be read. It is kept, and its run is being killed.
pub const JOURNAL_CORRUPT: &str = "364d068badd14d70bf97aa8662e84789";

/// The state directory cannot be written, or can be again. No task is taken meanwhile.
pub const DISK: &str = "330ce531cda74ff3b1281a27b79f0975";

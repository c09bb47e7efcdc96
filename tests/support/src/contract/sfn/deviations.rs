//! Where an emulator is known to differ from the service. One table, so that nothing else needs to say it.

/// One known difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// `__type` is the bare code; the service puts a namespace before it.
    TypesWithoutNamespace,
    /// An empty poll is answered `{}`; the service sends a null token.
    EmptyPollIsAnEmptyObject,
    /// A heartbeat for a state without HeartbeatSeconds is InvalidToken; the service accepts it.
    HeartbeatWithoutHeartbeatSecondsIsInvalidToken,
    /// Heartbeat and success after the end are InvalidToken; the service says TaskTimedOut.
    EndedTaskIsInvalidToken,
    /// A failure after the end is accepted; the service says TaskTimedOut.
    EndedTaskAcceptsFailure,
    /// A stopped execution stays RUNNING until the next heartbeat, which is accepted, and ends FAILED; with the
    /// service it is ABORTED at once, and that heartbeat TaskTimedOut.
    StopExecutionNoticedAtSecondHeartbeat,
    /// An output that is no JSON is accepted and fails the execution; the service says InvalidOutput.
    AcceptsOutputThatIsNoJson,
    /// A success without output is accepted and fails the execution; the service says ValidationException.
    AcceptsMissingOutput,
    /// More than 262,144 bytes of output are accepted; the service says ValidationException.
    AcceptsOutputOverLimit,
    /// Errors and causes of any length are accepted; the service says ValidationException.
    AcceptsLongErrorAndCause,
    /// Worker names of any length are accepted; the service says ValidationException.
    AcceptsLongWorkerName,
    /// A token of more than 2,048 characters is InvalidToken; the service says ValidationException.
    LongTokenIsInvalidToken,
    /// A missing member is a 500, or an InvalidToken; the service says ValidationException.
    MissingMembersAreFoundLate,
    /// InvalidArn is worded in another way.
    OtherWordsForABadArn,
    /// InvalidToken carries another message, or none.
    OtherWordsForABadToken,
    /// An operation that does not exist is answered in another way than UnknownOperationException.
    OtherUnknownOperation,
}

/// The differences of one server.
#[derive(Clone, Debug, Default)]
pub struct Deviations(Vec<Deviation>);

impl Deviations {
    /// The service itself, and the stand-in.
    pub fn none() -> Self {
        Self::default()
    }

    /// LocalStack 4.9.2.
    pub fn localstack() -> Self {
        use Deviation as D;
        Self(vec![
            D::TypesWithoutNamespace,
            D::EmptyPollIsAnEmptyObject,
            D::HeartbeatWithoutHeartbeatSecondsIsInvalidToken,
            D::EndedTaskIsInvalidToken,
            D::EndedTaskAcceptsFailure,
            D::StopExecutionNoticedAtSecondHeartbeat,
            D::AcceptsOutputThatIsNoJson,
            D::AcceptsMissingOutput,
            D::AcceptsOutputOverLimit,
            D::AcceptsLongErrorAndCause,
            D::AcceptsLongWorkerName,
            D::LongTokenIsInvalidToken,
            D::MissingMembersAreFoundLate,
            D::OtherWordsForABadArn,
            D::OtherWordsForABadToken,
            D::OtherUnknownOperation,
        ])
    }

    /// Whether the server has this one.
    pub fn has(&self, deviation: Deviation) -> bool {
        self.0.contains(&deviation)
    }
}

/// What happened on one interface since the process started; only ever grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames heard that are ARP requests.
    pub arp_requests: u64,
    /// Frames heard that are ARP replies.
    pub arp_replies: u64,
    /// Frames heard that are neighbour solicitations.
    pub neighbor_solicits: u64,
    /// Frames heard that are neighbour advertisements.
    pub neighbor_adverts: u64,
    /// Authenticated frames of other speakers.
    pub speaker_frames: u64,
    /// Frames that are none of the above; not an error.
    pub other_frames: u64,
    /// Frames shorter than their headers say, or whose checksum is wrong.
    pub malformed: u64,
    /// Frames that do not make sense where they were heard (hop limit below 255, group as sender, ...).
    pub implausible: u64,
    /// Frames of this speaker itself, come back by a loop.
    pub own_frames: u64,
    /// Speaker frames of another cluster.
    pub foreign_cluster: u64,
    /// Speaker frames of a version this speaker does not know.
    pub unknown_version: u64,
    /// Speaker frames signed with a key this speaker does not hold.
    pub unknown_key: u64,
    /// Speaker frames whose signature is wrong.
    pub bad_signature: u64,
    /// Speaker frames not verified because their sender had too many wrong signatures.
    pub bad_signature_throttled: u64,
    /// Authenticated frames heard before, or too old to tell.
    pub replayed: u64,
    /// Authenticated frames with contents that break their own framing.
    pub malformed_speaker_frames: u64,
    /// Heartbeats sent.
    pub heartbeats: u64,
    /// Answers to ARP requests and neighbour solicitations.
    pub replies: u64,
    /// Requests not answered because their sender asks too often.
    pub replies_throttled: u64,
    /// Requests not answered because the queue of answers was full.
    pub replies_dropped: u64,
    /// Gratuitous frames sent.
    pub gratuitous: u64,
    /// Probes sent, to VIPs and to witnesses.
    pub probes: u64,
    /// First claims of VIPs nobody held.
    pub first_claims: u64,
    /// VIPs taken because their owner offered them.
    pub offers_taken: u64,
    /// VIPs taken over from an owner that was silent or had resigned.
    pub take_overs: u64,
    /// Claims raised again over an own or a dead speaker's ballot.
    pub raises: u64,
    /// VIPs given up to a higher claim.
    pub yields: u64,
    /// VIPs offered to others.
    pub offers: u64,
    /// VIPs handed over to others that took the offer.
    pub handovers: u64,
    /// Owners with an old plan asked to hand over.
    pub evictions: u64,
    /// VIPs resigned on purpose.
    pub resignations: u64,
    /// Corrections sent to speakers that claimed too low.
    pub corrections: u64,
    /// Stations heard that use a VIP owned here.
    pub duplicates: u64,
    /// Times the own loop came so late that silence was not counted.
    pub late_loops: u64,
    /// Times the own loop stood still for longer than D − 2 T, so that others may have had reason to think it dead.
    pub long_gaps: u64,
    /// Times the own loop came so late that all VIPs were given up.
    pub stalls: u64,
    /// Speaker frames not sent because the queue was full.
    pub sends_dropped: u64,
}

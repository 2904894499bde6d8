package record

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/document"
)

// Holder is who holds a session.
type Holder struct {
	User  string `json:"user"`  // as the API server names them
	Local string `json:"local"` // user@host
}

// LocalOf is who has an environment, and on which computer, as a holder's Local.
func LocalOf(env map[string]string) string {
	host, _ := os.Hostname()
	return cmp.Or(env["USER"], env["USERNAME"]) + "@" + host
}

func (h Holder) String() string { return h.Local + " (" + h.User + ")" }

// Developer is a person, whichever computer they are at.
func (h Holder) Developer() string {
	user, _, _ := strings.Cut(h.Local, "@")
	return h.User + " (" + user + ")"
}

// WantedKind and WantedVersion are those of the requests that this build writes. It reads all versions up to it.
const (
	WantedKind    = "take-over"
	WantedVersion = 1
)

// Wanted asks a session's daemon to end it, for someone else.
type Wanted struct {
	document.Head
	Session string `json:"session"`
	By      Holder `json:"by"`
}

// NewWanted is the request to end a session for someone, as the cluster has it.
func NewWanted(session string, by Holder) (string, error) {
	text, err := json.Marshal(Wanted{
		Head:    document.Head{Kind: WantedKind, Version: WantedVersion},
		Session: session,
		By:      by,
	})
	return string(text), err
}

// TookOver is a session that was ended for another one, and where the files are kept that only its pod had.
type TookOver struct {
	Session string `json:"session"`
	Kept    string `json:"kept,omitempty"`
}

// Beat is how often a daemon renews the Leases of its sessions.
const Beat = 5 * time.Second

// missed is how long a session may be silent before its daemon is taken for dead.
const missed = 4 * Beat

// DefaultAbandonAfter is how long a silent session blocks others, where no one says otherwise.
const DefaultAbandonAfter = 10 * time.Minute

// Silent is how long ago the session's daemon was last heard of. The API server's clock writes and judges heartbeats,
// so one that is ahead of it by more than a few is no daemon's, and counts as none.
func (r Record) Silent(now time.Time) time.Duration { return silentSince(r.Heartbeat, now) }

func silentSince(heartbeat, now time.Time) time.Duration {
	silent := now.Sub(heartbeat)
	if silent < -missed {
		return math.MaxInt64
	}
	return max(0, silent)
}

// Abandoned says whether the session no longer blocks others.
func (r Record) Abandoned(now time.Time) bool { return r.Silent(now) > r.AbandonAfter }

// Lives says whether a daemon serves the session.
func (r Record) Lives(now time.Time) bool { return r.Silent(now) < missed }

// Package devmode takes a workload into dev mode and back: a list of steps, each with its undo. All that it knows of a
// session is in the cluster, in the session's Lease (see lease), so any computer can end it. It knows nothing of sync,
// carriers or terminals: those come in as a Link.
package devmode

import "github.com/nhctl/nhctl/nhctl/internal/record"

// Record is what is stored of a session.
type Record = record.Record

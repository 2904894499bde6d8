package route

import (
	"slices"
	"sync"
	"time"
)

// maxLast is how many requests are remembered of a rule, maxPath how much of their paths, in bytes.
const (
	maxLast = 20
	maxPath = 200
)

// Report is how a rule is: how many requests, or connections of other protocols, went where.
type Report struct {
	ID string `json:"id"`
	// Away says that its computer is.
	Away bool `json:"away,omitempty"`
	// Matched went to the computer, Passed did not match, FailedOpen were the computer's, but the originals answered.
	// Errors were the computer's and got no answer. Of a mirror, Matched are the copies that were handed over, Dropped
	// those that were given up since too many waited.
	Matched    int64 `json:"matched"`
	Passed     int64 `json:"passed"`
	FailedOpen int64 `json:"failedOpen"`
	Errors     int64 `json:"errors"`
	Dropped    int64 `json:"dropped,omitempty"`
	// Last are the last that were the computer's, the oldest first.
	Last []Request `json:"last,omitempty"`
}

// Request is one that was a rule's: nothing of its body and headers.
type Request struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Status is the answer's, 0 where there was none.
	Status int `json:"status"`
	// FailedOpen says why the originals answered, if they did.
	FailedOpen string `json:"failedOpen,omitempty"`
}

type counter struct {
	mu sync.Mutex
	Report
}

func (c *counter) pass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Passed++
}

// drop counts a copy that was given up.
func (c *counter) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Dropped++
}

// note counts what was a rule's. A status below 0 is that of a connection that is none of HTTP.
func (c *counter) note(r *request, status int, failedOpen string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case failedOpen != "":
		c.FailedOpen++
	case status == 0:
		c.Errors++
	default:
		c.Matched++
	}
	if r == nil {
		return
	}
	path := r.path()
	c.Last = append(c.Last, Request{
		Time:       time.Now(),
		Method:     r.method[:min(len(r.method), maxPath)],
		Path:       path[:min(len(path), maxPath)],
		Status:     status,
		FailedOpen: failedOpen,
	})
	c.Last = c.Last[max(0, len(c.Last)-maxLast):]
}

func (c *counter) report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	report := c.Report
	report.Last = slices.Clone(c.Last)
	return report
}

package kube

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// clock is the API server's, as the Date headers of its answers tell it. Ages in the cluster are judged by it, and
// times written by it, since the clocks of developers' computers differ.
type clock struct {
	mu sync.Mutex
	// ahead is how far it is ahead of this computer's; asked is when an answer came, which says so unless the server or
	// a proxy leaves out dates.
	ahead time.Duration
	asked time.Time
}

// clockLimit is how long the clock is relied on: a watch is one answer that may last for an hour, and this computer's
// clock may be set in the meantime.
const clockLimit = 10 * time.Minute

// listening is a transport that sets the clock by every answer.
type listening struct {
	*clock
	next http.RoundTripper
}

func (l listening) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	if err == nil {
		l.set(response.Header.Get("Date"))
	}
	return response, err
}

func (c *clock) set(date string) {
	then, err := http.ParseTime(date)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.asked = time.Until(then), time.Now()
}

// now is the time, and says whether the server need not be asked.
func (c *clock) now() (now time.Time, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh = !c.asked.IsZero() && time.Since(c.asked) < clockLimit
	return time.Now().Add(c.ahead).UTC().Truncate(time.Second), fresh
}

// answered notes an answer, with a date or without one, and says whether there was one so far.
func (c *clock) answered(err error) (usable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.asked = time.Now()
	}
	return !c.asked.IsZero()
}

// Now is the time of the API server's clock, in whole seconds. The server is asked only where no answer came from there
// for a while; one that does not answer then leaves the clock as it was.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	if c.clock == nil { // made around an API that is there already
		return time.Now().UTC().Truncate(time.Second), nil
	}
	if now, fresh := c.clock.now(); fresh {
		return now, nil
	}
	err := c.API.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	if usable := c.clock.answered(err); !usable {
		return time.Time{}, c.Explain(err)
	}
	now, _ := c.clock.now()
	return now, nil
}

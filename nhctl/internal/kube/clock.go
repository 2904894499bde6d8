package kube

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// clock is the API server's, as the Date headers of its answers tell it. Ages in the cluster are judged by it, and times written by it,
// since the clocks of developers' computers differ.
type clock struct {
	mu sync.Mutex
	// ahead is how far it is ahead of this computer's.
	ahead time.Duration
	known bool
}

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
	c.ahead, c.known = time.Until(then), true
}

func (c *clock) now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead).UTC().Truncate(time.Second), c.known
}

// Now is the time of the API server's clock, in whole seconds. It is asked only where no answer came from there yet.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	if c.clock == nil { // made around an API that is there already
		return time.Now().UTC().Truncate(time.Second), nil
	}
	if now, known := c.clock.now(); known {
		return now, nil
	}
	if err := c.API.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error(); err != nil {
		return time.Time{}, c.Explain(err)
	}
	now, _ := c.clock.now()
	return now, nil
}

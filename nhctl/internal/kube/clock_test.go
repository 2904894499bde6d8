package kube

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A clock is relied on for a while, also where answers have no dates: the server is not asked at every look.
func TestClockIsRelied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clock{}
		fresh := func(want bool) {
			t.Helper()
			if _, fresh := c.now(); fresh != want {
				t.Errorf("fresh: %v", fresh)
			}
		}
		fresh(false)
		if c.answered(errors.New("no such luck")) {
			t.Error("no answer, and it can be used")
		}
		fresh(false)
		if !c.answered(nil) { // without a date
			t.Error("an answer, and it can't be used")
		}
		fresh(true)
		time.Sleep(clockLimit)
		fresh(false)
		c.set(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		fresh(true)
		time.Sleep(clockLimit)
		fresh(false)
		if !c.answered(errors.New("no such luck")) {
			t.Error("the clock is lost with the server")
		}
		if now, _ := c.now(); time.Until(now) < 59*time.Minute {
			t.Errorf("it is %s", now)
		}
	})
}

// A server whose answers have no date is asked once, and not at every look.
func TestClockWithoutDates(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header()["Date"] = nil
	}))
	for range 3 {
		if _, err := c.Now(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

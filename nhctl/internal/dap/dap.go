// Package dap is one debug adapter for every editor: the client speaks the Debug Adapter Protocol on standard streams,
// and the debugger of a session speaks it on its forwarded port. Between them the adapter builds and starts the
// program, carries its output, and keeps the client's session when the debugger's connection ends, because the program
// is built again or the way to it was lost.
//
// It knows sessions by calls to the daemon alone, and debuggers by their protocol. One goroutine owns all state
// (Adapter.run): others hand it functions.
package dap

//go:generate go run -tags noassets,noquic,noupgrade ./gen ../../..

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/program"
)

// Backend is the daemon, as far as the adapter needs it.
type Backend interface {
	// Caller is who calls from a folder and a place; what is empty in them is the client's own.
	Caller(Place) rpc.Caller
	// Call makes a call; hear gets its events in their order. When ctx ends, the call is undone.
	Call(ctx context.Context, method string, params, result any, hear func(event.Event)) error
}

// Options are what an adapter works with.
type Options struct {
	// In and Out lead to the client.
	In  io.Reader
	Out io.Writer
	// Backend is the daemon.
	Backend Backend
	// Program is how the user calls nhctl, for the texts.
	Program program.Call
	// Patience is how long the adapter tries to join a program again; 0 means the default.
	Patience time.Duration
	// Grace is how long a program that has ended may still turn out to be started again; 0 means the default.
	Grace time.Duration
}

// patience is the default of Options.Patience: a compiler with a cold cache takes minutes, and so does a new pod.
const patience = 5 * time.Minute

// grace is the default of Options.Grace: a reload stops the old program first, and the programs of a pod end before the
// pod is known to be gone.
const grace = 4 * time.Second

// Serve serves one client until it disconnects, its stream ends, or ctx does; the program goes on then. It fails where
// the client does not speak the protocol. A read of Options.In that blocks may outlive it.
func Serve(ctx context.Context, o Options) error {
	if o.Patience == 0 {
		o.Patience = patience
	}
	if o.Grace == 0 {
		o.Grace = grace
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	a := newAdapter(life, cancel, o)
	defer context.AfterFunc(ctx, func() { a.post(func() { a.leave(cancel) }) })()
	go a.readClient()
	a.run()
	a.work.Wait()
	a.out.close(flushLimit)
	return a.failure
}

func newAdapter(ctx context.Context, cancel context.CancelFunc, o Options) *Adapter {
	out := newOutbox(o.Out)
	return &Adapter{
		Options: o,
		ctx:     ctx,
		cancel:  cancel,
		out:     out,
		posts:   make(chan func()),
		known:   newBreakpoints(),
		output:  newOutput(out),
		threads: map[int]bool{},

		startedAgain: make(chan struct{}, 1),
	}
}

// messageLimit limits a message, in bytes. Either side may be anyone: code in a pod may listen in the debugger's place.
// The longest messages are a debugger's lists of variables and modules.
const messageLimit = 16 << 20

// flushLimit limits how long a client is given to read what it was sent last.
const flushLimit = 2 * time.Second

// Adapter serves one client. Its fields belong to the goroutine of run, except for those that lock themselves.
type Adapter struct {
	Options
	ctx    context.Context
	cancel context.CancelFunc
	out    *outbox
	posts  chan func()
	work   sync.WaitGroup // all other goroutines, but for the client's reader
	// failure is why it ended, if that was an error.
	failure error

	client  client
	known   *breakpoints
	output  *output
	service service
	// link is the connection to the debugger; nil while there is none.
	link *link
	// startedAgain tells a search that the program was started.
	startedAgain chan struct{}
	// away is set while the adapter tries to join the program again.
	away *absence
	// threads are those that the client knows, and stopped is one that stands, 0 where none does.
	threads map[int]bool
	stopped int
}

// run does what others post, one after the other, until the adapter ends.
func (a *Adapter) run() {
	defer a.dropLink()
	defer a.cancel()
	for {
		select {
		case <-a.ctx.Done():
			return
		case do := <-a.posts:
			do()
		case err := <-a.out.failed:
			a.fail(err)
		}
	}
}

// post hands a function to run, and says whether it was taken; it is not once the adapter ends.
func (a *Adapter) post(do func()) bool {
	select {
	case a.posts <- do:
		return true
	case <-a.ctx.Done():
		return false
	}
}

// goes runs work that the adapter waits for.
func (a *Adapter) goes(work func()) { a.work.Go(work) }

// fail ends the adapter with an error.
func (a *Adapter) fail(err error) {
	if a.failure == nil {
		a.failure = err
	}
	a.cancel()
}

// readClient hands on the client's messages.
func (a *Adapter) readClient() {
	r := baseprotocol.NewReader(a.In, messageLimit)
	for {
		data, err := r.Next()
		if err != nil {
			a.post(func() { a.lostClient(err) })
			return
		}
		if !a.post(func() { a.fromClient(data) }) {
			return
		}
	}
}

// lostClient ends the adapter when its client has gone. The program goes on.
func (a *Adapter) lostClient(err error) {
	if !errors.Is(err, io.EOF) {
		a.say(important, fmt.Sprintf("nhctl dap: the client's stream can't be read: %v", err))
		a.failure = fmt.Errorf("read from the client: %w", err)
	}
	a.leave(a.cancel)
}

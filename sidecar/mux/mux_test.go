package mux

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// plenty is more than any window.
var plenty = make([]byte, 2*largest)

// pair is two sessions on one connection, which the test closes.
func pair(t testing.TB, near, far net.Conn) (client, server *Session) {
	t.Helper()
	o := Options{Incoming: maxStreams, WriteTimeout: 15 * time.Second}
	server = New(far, o)
	o.Client = true
	client = New(near, o)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func piped(t testing.TB) (client, server *Session) {
	t.Helper()
	near, far := net.Pipe()
	return pair(t, near, far)
}

func open(t testing.TB, s *Session, first string) *Stream {
	t.Helper()
	stream, err := s.Open(context.Background(), []byte(first))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func accept(t testing.TB, s *Session) *Stream {
	t.Helper()
	stream, err := s.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// joined is a stream's two ends.
func joined(t testing.TB, a, b *Session) (near, far *Stream) {
	t.Helper()
	near = open(t, a, "")
	return near, accept(t, b)
}

func say(t testing.TB, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Errorf("write %q: %v", text, err)
	}
}

func hear(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Errorf("read %q, %v; want %q", got[:n], err, want)
	}
}

// fails says whether an error is of a kind, and says something.
func fails(err, kind error, text string) bool {
	return errors.Is(err, kind) && strings.Contains(err.Error(), text)
}

// bubble runs a test with a clock of its own.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestBothEndsOpenStreams(t *testing.T) {
	t.Parallel()
	client, server := piped(t)
	var running sync.WaitGroup
	for _, ends := range [][2]*Session{{client, server}, {server, client}} {
		from, to := ends[0], ends[1]
		running.Go(func() {
			for range 20 {
				stream, err := to.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				running.Go(func() {
					_, _ = io.Copy(stream, stream)
					stream.Close()
				})
			}
		})
		for i := range 20 {
			running.Go(func() {
				want := make([]byte, 1<<(i%12)*311)
				for j := range want {
					want[j] = byte(rand.N(256))
				}
				stream, err := from.Open(context.Background(), want[:min(len(want), FirstData)])
				if err != nil {
					t.Error(err)
					return
				}
				defer stream.Close()
				running.Go(func() {
					for rest := want[min(len(want), FirstData):]; len(rest) > 0; {
						n := min(len(rest), 1+rand.N(200_000))
						if _, err := stream.Write(rest[:n]); err != nil {
							t.Error(err)
						}
						rest = rest[n:]
					}
					if err := stream.CloseWrite(); err != nil {
						t.Error(err)
					}
				})
				if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, want) {
					t.Errorf("the echo of %d bytes has %d, or differs: %v", len(want), len(got), err)
				}
			})
		}
	}
	running.Wait()
}

func TestEachDirectionEndsForItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := piped(t)
		near, far := joined(t, client, server)
		say(t, near, "question")
		if err := near.CloseWrite(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(far); string(got) != "question" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := near.Write([]byte("more")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after the end: %v", err)
		}
		say(t, far, "a long answer")
		hear(t, near, "a long ")
		far.Close()
		if got, err := io.ReadAll(near); string(got) != "answer" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		near.Close()
		synctest.Wait()
		if n := near.session.Streams() + far.session.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

func TestReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := piped(t)
		near, far := joined(t, client, server)
		say(t, near, "half a sen")
		if err := near.Reset("the program went away"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		got, err := io.ReadAll(far)
		if string(got) != "half a sen" || !fails(err, ErrReset, "the program went away") {
			t.Errorf("%q, %v; want what was sent, and then a reset", got, err)
		}
		if _, err := far.Write([]byte("answer")); !errors.Is(err, ErrReset) {
			t.Errorf("write: %v", err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read from a stream that this end has reset: %v", err)
		}
		far.Close()
		synctest.Wait()
		if n := client.Streams() + server.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// Who still writes to an end that has closed the stream learns of it at once, and reads what came before as usual.
func TestCloseEndsTheOthersWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := piped(t)
		near, far := joined(t, client, server)
		failed := make(chan error, 1)
		go func() {
			_, err := near.Write(plenty)
			failed <- err
		}()
		hear(t, far, "\x00")
		say(t, far, "enough")
		far.Close()
		if err := <-failed; !errors.Is(err, ErrReset) {
			t.Errorf("write: %v", err)
		}
		if got, err := io.ReadAll(near); string(got) != "enough" || err != nil {
			t.Errorf("read: %q, %v", got, err)
		}
	})
}

func TestFirstDataComesWithTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		server := New(far, Options{Incoming: 1, WriteTimeout: time.Second})
		defer server.Close()
		// The other end does not read: nothing but this one write comes.
		request := appendWindow(nil, kindOpen, 1, floor, []byte("GET /"))
		if _, err := near.Write(request); err != nil {
			t.Fatal(err)
		}
		hear(t, accept(t, server), "GET /")
		client, _ := piped(t)
		if _, err := client.Open(t.Context(), make([]byte, FirstData+1)); err == nil {
			t.Error("more first data than the far end takes")
		}
	})
}

func TestStreamsAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		client := New(near, Options{Client: true, WriteTimeout: time.Second})
		server := New(far, Options{Incoming: 2, WriteTimeout: time.Second})
		defer server.Close()
		defer client.Close()
		refused := func(s *Session, want string) {
			t.Helper()
			stream := open(t, s, "data")
			defer stream.Close()
			if _, err := stream.Read(make([]byte, 1)); !fails(err, ErrReset, want) {
				t.Errorf("got %v, want a reset that says %q", err, want)
			}
		}
		refused(server, "takes no streams")
		one, two := open(t, client, ""), open(t, client, "")
		refused(client, "too many streams")
		// A reset alone does not make room: the server may still be at work for the stream.
		_ = one.Reset("")
		refused(client, "too many streams")
		accept(t, server).Close()
		hear(t, accept2(t, server, open(t, client, "third")), "third")
		two.Close()
	})
}

// accept2 accepts two streams, and returns the second.
func accept2(t *testing.T, s *Session, _ *Stream) *Stream {
	t.Helper()
	accept(t, s)
	return accept(t, s)
}

func TestBacklog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := piped(t)
		var streams []*Stream
		for range backlog + 1 {
			streams = append(streams, open(t, client, ""))
		}
		if _, err := streams[backlog].Read(make([]byte, 1)); !errors.Is(err, ErrReset) {
			t.Errorf("one more than may wait: %v", err)
		}
		accept(t, server)
		synctest.Wait()
		open(t, client, "")
		for range backlog {
			accept(t, server)
		}
	})
}

func TestDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := piped(t)
		near, far := joined(t, client, server)
		begun := time.Now()
		_ = near.SetReadDeadline(begun.Add(time.Second))
		_, err := near.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("read: %v after %s", err, time.Since(begun))
		}
		_ = near.SetWriteDeadline(begun.Add(3 * time.Second))
		if _, err := near.Write(plenty); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 3*time.Second {
			t.Errorf("write without a reader: %v after %s", err, time.Since(begun))
		}
		_ = near.SetDeadline(time.Time{})
		say(t, far, "later")
		hear(t, near, "later")
		// A deadline that moves counts for a read that waits already.
		failed := make(chan error, 1)
		go func() {
			_, err := near.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		_ = near.SetReadDeadline(time.Now())
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	})
}

// The connection knows no deadlines, as a port-forward does not.
func TestFarEndTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		client := New(near, Options{Client: true, WriteTimeout: 15 * time.Second})
		defer client.Close()
		begun := time.Now()
		_, err := client.Open(t.Context(), nil)
		if !errors.Is(err, errWriteTimeout) || time.Since(begun) != 15*time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		<-client.Done()
	})
}

// A stream does not end well when its connection is lost.
func TestLostConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		client, server := pair(t, near, far)
		stream, _ := joined(t, client, server)
		failed := make(chan error, 2)
		go func() { _, err := io.ReadAll(stream); failed <- err }()
		go func() { _, err := stream.Write(plenty); failed <- err }()
		synctest.Wait()
		far.Close()
		for range 2 {
			if err := <-failed; !errors.Is(err, ErrLost) || errors.Is(err, io.EOF) {
				t.Errorf("%v, want ErrLost", err)
			}
		}
		if _, err := client.Open(t.Context(), nil); !errors.Is(err, ErrLost) {
			t.Errorf("open: %v", err)
		}
		if _, err := client.Accept(); !errors.Is(err, ErrLost) {
			t.Errorf("accept: %v", err)
		}
		if _, err := client.Ping(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("ping: %v", err)
		}
	})
}

func TestPing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		client, _ := pair(t, slow(t, near, 10*time.Millisecond), slow(t, far, 20*time.Millisecond))
		for range 3 {
			if rtt, err := client.Ping(t.Context()); err != nil || rtt != 30*time.Millisecond {
				t.Errorf("round trip of %s, %v", rtt, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := client.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a ping without time: %v", err)
		}
		if rtt, err := client.Ping(t.Context()); err != nil || rtt != 30*time.Millisecond {
			t.Errorf("after one that was given up: %s, %v", rtt, err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// delayed is a connection whose bytes need some time.
type delayed struct {
	net.Conn
	packets chan packet
}

type packet struct {
	due  time.Time
	data []byte
}

func slow(t *testing.T, conn net.Conn, delay time.Duration) net.Conn {
	t.Helper()
	d := &delayed{conn, make(chan packet, 1<<16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for p := range d.packets {
			time.Sleep(time.Until(p.due))
			_, _ = conn.Write(p.data)
		}
	}()
	t.Cleanup(func() { conn.Close(); close(d.packets); <-done })
	return delayedBy{d, delay}
}

type delayedBy struct {
	*delayed
	delay time.Duration
}

func (d delayedBy) Write(p []byte) (int, error) {
	d.packets <- packet{time.Now().Add(d.delay), bytes.Clone(p)}
	return len(p), nil
}

// A window grows where the link needs it, and only there.
func TestWindowGrowsWithTheLink(t *testing.T) {
	const total = 32 << 20
	for name, tt := range map[string]struct {
		delay, reading time.Duration // one way; per 128 KiB
		window         int
		within         time.Duration
	}{
		"a long link":   {25 * time.Millisecond, 0, largest, 2 * time.Second},
		"a slow reader": {time.Millisecond, 10 * time.Millisecond, 4 * usual, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := net.Pipe()
				client, server := pair(t, slow(t, near, tt.delay), slow(t, far, tt.delay))
				writer, reader := joined(t, client, server)
				go func() {
					_, _ = io.Copy(writer, io.LimitReader(zeros{}, total))
					_ = writer.CloseWrite()
				}()
				begun, read, chunk := time.Now(), 0, make([]byte, 128<<10)
				for {
					n, err := io.ReadFull(reader, chunk)
					read += n
					if err != nil {
						break
					}
					time.Sleep(tt.reading)
				}
				if took := time.Since(begun); read != total || took > tt.within {
					t.Errorf("%d bytes in %s, want %d within %s", read, took, total, tt.within)
				}
				if reader.window > tt.window {
					t.Errorf("a window of %d, want at most %d", reader.window, tt.window)
				}
			})
		})
	}
}

// Whatever the far end sends, and however little is read here, the windows keep to the budget, and the session
// stays alive.
func TestBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := piped(t)
		const streams = 1000
		var writing sync.WaitGroup
		var all []*Stream
		for i := range streams {
			near, far := joined(t, client, server)
			all = append(all, near, far)
			writing.Go(func() { _, _ = near.Write(plenty) })
			if i%50 == 0 { // one that is read for a while, to have its window grow
				if _, err := io.CopyN(io.Discard, far, largest); err != nil {
					t.Error(err)
				}
			}
		}
		synctest.Wait()
		server.mu.Lock()
		windows, held := 0, 0
		for _, s := range server.streams {
			windows += s.window
			held += s.buffer.held()
			if s.window < s.buffer.held()+s.granted {
				t.Errorf("stream %d holds %d and may get %d, with a window of %d",
					s.number, s.buffer.held(), s.granted, s.window)
			}
		}
		limit, free := streams*floor+growth, server.budget.free
		if windows > limit || held > windows || windows != limit-free {
			t.Errorf("windows of %d bytes, %d in use; the limit is %d, %d are free", windows, held, limit, free)
		}
		server.mu.Unlock()
		if _, err := client.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		near, far := joined(t, client, server)
		say(t, near, "and one more")
		hear(t, far, "and one more")
		for _, s := range append(all, near, far) {
			s.Close()
		}
		writing.Wait()
		synctest.Wait()
		if server.budget.free != growth || client.budget.free != growth || server.incoming != 0 {
			t.Errorf("after all: %d and %d of %d are free, %d streams",
				server.budget.free, client.budget.free, growth, server.incoming)
		}
	})
}

func TestHostileFrames(t *testing.T) {
	opened := appendWindow(nil, kindOpen, 1, floor, nil)
	data := appendFrame(nil, kindData, 1, []byte("x"))
	window := func(n int) []byte { return appendWindow(nil, kindWindow, 1, n, nil) }
	frames := func(all ...[]byte) []byte { return bytes.Join(all, nil) }
	for name, says := range map[string][]byte{
		"a frame that is too long":        {kindData, 0xff, 0xff, 0xff, 0xff},
		"a frame that is too short":       {kindData, 0, 0, 0, 1, 0},
		"a window without its number":     appendFrame(nil, kindWindow, 1, nil),
		"an unknown kind, too long":       {200, 0xff, 0, 0, 0},
		"data of no stream":               appendFrame(nil, kindData, 7, []byte("x")),
		"data of stream 0":                appendFrame(nil, kindData, 0, []byte("x")),
		"data of a stream of this end":    appendFrame(nil, kindData, 2, []byte("x")),
		"a stream with this end's number": appendWindow(nil, kindOpen, 2, floor, nil),
		"a stream opened twice":           frames(opened, opened),
		"streams in the wrong order":      frames(appendWindow(nil, kindOpen, 3, floor, nil), opened),
		"an immense window":               appendWindow(nil, kindOpen, 1, largest+1, nil),
		"windows that add up":             frames(opened, window(largest), window(largest)),
		"too much first data":             appendWindow(nil, kindOpen, 1, floor, make([]byte, floor+1)),
		"more than the window": frames(opened, appendFrame(nil, kindData, 1, make([]byte, maxPayload)),
			appendFrame(nil, kindData, 1, make([]byte, maxPayload))),
		"data after its end":      frames(opened, appendFrame(nil, kindFin, 1, nil), data),
		"data after a reset":      frames(opened, appendFrame(nil, kindReset, 1, nil), data),
		"a reason that is a book": frames(opened, appendFrame(nil, kindReset, 1, make([]byte, maxReason+1))),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := net.Pipe()
				server := New(far, Options{Incoming: 10, WriteTimeout: time.Second})
				defer server.Close()
				go func() { _, _ = io.Copy(io.Discard, near) }()
				_, _ = near.Write(says)
				synctest.Wait()
				near.Close()
				<-server.Done()
				if server.err == nil || !errors.Is(server.err, errProtocol) {
					t.Errorf("the session ended with %v", server.err)
				}
			})
		})
	}
}

func TestHarmlessFrames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		server := New(far, Options{Incoming: 10, WriteTimeout: time.Second})
		defer server.Close()
		defer near.Close()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		for _, says := range [][]byte{
			{99, 0, 0, 0, 3, 1, 2, 3}, // a kind of a later build
			appendPing(nil, kindPong, 5),
			appendWindow(nil, kindOpen, 1, 0, []byte("first")),
			appendFrame(nil, kindStarved, 1, nil),
			appendFrame(nil, kindStarved, 1, nil),
			appendFrame(nil, kindData, 1, nil),
			appendFrame(nil, kindFin, 1, nil),
			appendFrame(nil, kindFin, 1, nil),
			appendFrame(nil, kindReset, 1, []byte("\xff\x1b[31m")),
			appendFrame(nil, kindReset, 1, nil),
		} {
			if _, err := near.Write(says); err != nil {
				t.Fatalf("%v: %v", says, err)
			}
		}
		stream := accept(t, server)
		if got, err := io.ReadAll(stream); string(got) != "first" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		stream.Close()
		for _, kind := range []byte{kindData, kindFin, kindReset, kindStarved} { // of a stream that is closed
			if _, err := near.Write(appendFrame(nil, kind, 1, nil)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A far end that does not read what it is told costs no memory.
func TestFarEndDoesNotRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		server := New(far, Options{WriteTimeout: time.Hour})
		defer server.Close()
		for i := range 10_000 {
			if _, err := near.Write(appendPing(nil, kindPing, uint64(i))); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		opened := 0
		for ; err == nil && opened < 10_000; opened++ {
			_, err = near.Write(appendWindow(nil, kindOpen, uint32(2*opened+1), floor, nil))
		}
		if <-server.Done(); !errors.Is(server.err, errProtocol) || opened > 3*maxRefusals {
			t.Errorf("%d streams were opened: %v", opened, server.err)
		}
	})
}

func FuzzSession(f *testing.F) {
	f.Add(appendWindow(nil, kindOpen, 1, floor, []byte("first")))
	f.Add(bytes.Join([][]byte{
		appendWindow(nil, kindOpen, 1, floor, nil),
		appendFrame(nil, kindData, 1, []byte("data")),
		appendFrame(nil, kindFin, 1, nil),
		appendFrame(nil, kindReset, 1, []byte("why")),
		appendPing(nil, kindPing, 1),
		appendWindow(nil, kindWindow, 1, 5, nil),
		appendFrame(nil, kindStarved, 1, nil),
	}, nil))
	f.Fuzz(func(t *testing.T, says []byte) {
		server := New(monologue{bytes.NewReader(says)}, Options{Incoming: 3, WriteTimeout: time.Second})
		var streams sync.WaitGroup
		for {
			stream, err := server.Accept()
			if err != nil {
				break
			}
			streams.Go(func() {
				_, _ = io.Copy(stream, stream)
				stream.Close()
			})
		}
		streams.Wait()
		server.Close()
		if server.budget.free != growth || server.incoming != 0 {
			t.Errorf("%d of %d are free, %d streams", server.budget.free, growth, server.incoming)
		}
	})
}

// monologue is a far end that does not listen.
type monologue struct{ io.Reader }

func (monologue) Write(p []byte) (int, error) { return len(p), nil }
func (monologue) Close() error                { return nil }

// A stream that is always full is read in pieces of a frame's size, where the far end takes that much.
func TestBulkBuffer(t *testing.T) {
	t.Parallel()
	client, _ := piped(t)
	stream := open(t, client, "")
	for sendable, want := range map[int]int{
		0:           busyBuffer,
		busyBuffer:  busyBuffer,
		maxPayload:  maxPayload,
		2 * largest: maxPayload,
		100 << 10:   100 << 10,
	} {
		client.mu.Lock()
		stream.sendable = sendable
		client.mu.Unlock()
		if got := stream.bulkBuffer(); got != want {
			t.Errorf("%d bytes where %d may be sent, want %d", got, sendable, want)
		}
	}
}

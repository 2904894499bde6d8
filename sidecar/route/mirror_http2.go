package route

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// copyStream is a connection of HTTP/2 whose only stream is a copy.
type copyStream struct {
	m    *copied
	wake chan struct{} // there is something to say, or a window was opened

	mu       sync.Mutex
	control  []frame
	total    int64 // bytes that may be sent, of the connection and of the stream
	window   int64
	initial  int64
	maxFrame int
	over     bool
}

// copyID is the number of its stream.
const copyID = 1

var (
	errCopyReset = errors.New("the local process has reset the copy")
	errTalks     = errors.New("the local process says more than it reads")
)

// maxControl limits what is to be said and was not yet.
const maxControl = 1000

// byStream hands over a stream of HTTP/2.
func byStream(ctx context.Context, m *copied, conn net.Conn) (status int, err error) {
	s := &copyStream{
		m:        m,
		wake:     make(chan struct{}, 1),
		total:    defaultWindow,
		window:   defaultWindow,
		initial:  defaultWindow,
		maxFrame: defaultFrame,
		control: []frame{
			{kind: http2.FrameSettings, settings: []http2.Setting{{ID: http2.SettingEnablePush, Val: 0}}},
		},
	}
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.Close()
	defer s.stop()
	writing.Go(func() { _ = s.write(ctx, conn) })
	return s.read(conn)
}

func (s *copyStream) stop() {
	s.m.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.notify()
}

func (s *copyStream) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write writes the copy, and what is to be said on its connection, until that is closed.
func (s *copyStream) write(ctx context.Context, conn net.Conn) error {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return err
	}
	to := newFrameWriter(conn)
	frames := make(chan frame)
	var taking sync.WaitGroup
	defer taking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	taking.Go(func() { s.next(ctx, frames) })
	var rest *frame // what is left of a frame, for which the window was too small
	for {
		all, maxFrame, over := s.take(&rest)
		for _, f := range all {
			if err := to.write(f, maxFrame); err != nil {
				return err
			}
		}
		if len(all) > 0 {
			continue
		}
		if err := to.flush(); err != nil || over {
			return err
		}
		some := frames
		if rest != nil {
			some = nil
		}
		select {
		case f := <-some:
			rest = &f
		case <-s.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next brings the copy's frames, one after the other.
func (s *copyStream) next(ctx context.Context, frames chan<- frame) {
	for {
		f, some := s.m.next(ctx)
		if !some {
			return
		}
		f.id = copyID
		select {
		case frames <- f:
		case <-ctx.Done():
			return
		}
	}
}

// take is what may be written now: control frames, and as much of the copy's frame as the windows allow.
func (s *copyStream) take(rest **frame) (all []frame, maxFrame int, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, s.control = s.control, nil
	f := *rest
	if f == nil {
		return all, s.maxFrame, s.over
	}
	if f.kind == http2.FrameData {
		n := min(int64(len(f.data)), s.total, s.window, int64(s.maxFrame))
		if n <= 0 && len(f.data) > 0 {
			return all, s.maxFrame, s.over
		}
		s.total -= n
		s.window -= n
		if int(n) < len(f.data) {
			part := *f
			part.data, part.end = f.data[:n], false
			f.data = f.data[n:]
			s.m.done(part)
			return append(all, part), s.maxFrame, s.over
		}
	}
	*rest = nil
	s.m.done(*f)
	return append(all, *f), s.maxFrame, s.over
}

// read takes the answer, until it ends.
func (s *copyStream) read(conn net.Conn) (status int, err error) {
	framer := http2.NewFramer(nil, bufio.NewReaderSize(conn, defaultFrame))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.MaxHeaderListSize = 4 * maxHead
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return status, err
		}
		ended := false
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if status < 200 {
				if status, _ = strconv.Atoi(f.PseudoValue("status")); status >= 200 {
					defer s.m.limit(conn)()
				}
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame:
			return status, errCopyReset
		case *http2.GoAwayFrame:
			if f.LastStreamID < copyID {
				return status, errCopyReset
			}
		}
		if ended {
			return status, nil
		}
		if err := s.got(f); err != nil {
			return status, err
		}
	}
}

// got takes what is no part of the answer.
func (s *copyStream) got(f http2.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.notify()
	if len(s.control) > maxControl {
		return errTalks
	}
	switch f := f.(type) {
	case *http2.DataFrame: // it goes no further, so that more may come
		if f.Length > 0 {
			s.control = append(s.control, frame{kind: http2.FrameWindowUpdate, number: f.Length},
				frame{kind: http2.FrameWindowUpdate, id: copyID, number: f.Length})
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			s.control = append(s.control, frame{kind: http2.FramePing, data: bytes.Clone(f.Data[:]), ack: true})
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			s.total += int64(f.Increment)
		} else {
			s.window += int64(f.Increment)
		}
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil
		}
		return s.gotSettings(f)
	}
	return nil
}

func (s *copyStream) gotSettings(f *http2.SettingsFrame) error {
	table := uint32(4096)
	err := f.ForeachSetting(func(set http2.Setting) error {
		switch set.ID {
		case http2.SettingInitialWindowSize:
			s.window += int64(set.Val) - s.initial
			s.initial = int64(set.Val)
		case http2.SettingMaxFrameSize:
			s.maxFrame = int(set.Val)
		case http2.SettingHeaderTableSize:
			table = min(set.Val, table)
		}
		return set.Valid()
	})
	s.control = append(s.control, frame{kind: http2.FrameSettings, table: table})
	return err
}

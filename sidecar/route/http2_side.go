package route

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// What this package lets the other end of an HTTP/2 connection do.
const (
	// streamWindow is how many bytes of a stream may be under way, connectionWindow of all streams.
	streamWindow     = 128 << 10
	connectionWindow = 1 << 20
	// maxStreams is how many streams a client may have open at a time.
	maxStreams = 1000
	// maxSaid is how many bytes of control frames may wait for an end that does not read them, frameSize of each one.
	maxSaid   = 1 << 20
	frameSize = 64
)

// What HTTP/2 says where no settings do.
const (
	defaultWindow = 65535
	defaultFrame  = 16 << 10
)

// side is a connection of HTTP/2, with a client, an original or a local process. The bridge's lock guards all but what
// its two goroutines have for themselves.
type side struct {
	b    *bridge
	key  string // what it leads to; empty for the client's
	conn net.Conn
	in   io.Reader
	wake chan struct{} // something is to be written

	control []frame
	said    int     // the bytes in control
	ready   []*half // that have something to write, and may
	streams map[uint32]*half
	waiting []*half // for a stream to end, since there may be no more
	next    uint32  // number of the next stream that is opened here

	window       int64 // bytes that this end may send
	initial      int64 // the same of a new stream
	maxFrame     int
	maxStreams   uint32
	received     uint32 // bytes that came and were not granted again
	lastReceived uint32 // number of the last stream that came
	away         bool   // no new streams
	leaving      bool   // there will be none soon
	tied         bool   // to a rule
	closed       bool
}

// half is a stream's part on one side.
type half struct {
	s    *side // nil until it is known
	id   uint32
	peer *half
	out  []frame // headers and data in their order
	// window is how many bytes this end may send.
	window  int64
	queued  bool // among those that are ready, or wait
	sentEnd bool
	gotEnd  bool
	over    bool
	// began says that the head of the final answer has gone by.
	began bool
	// found is the way of the request, on the half to an original or a local process.
	found   *way
	request *request
	// held is how much data waits in out. then is the code that a reset has once all of it is written.
	held int
	then *http2.ErrCode
	// copies are those of the request, on the client's half.
	copies copies
}

func (s *side) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// say has a control frame written.
func (s *side) say(f frame) {
	s.control = append(s.control, f)
	if s.said += frameSize + f.size(); s.said > maxSaid {
		s.b.flooded = true
	}
	s.notify()
}

// push adds headers or data to a half.
func (h *half) push(f frame) {
	if h.over || h.sentEnd {
		return
	}
	h.out = append(h.out, f)
	h.held += len(f.data)
	h.enqueue()
}

// pass has the other half say what came.
func (h *half) pass(f frame) {
	h.copies.push(f)
	h.peer.push(f)
}

// enqueue has the half written once its turn comes.
func (h *half) enqueue() {
	if h.s == nil || h.queued || h.over || len(h.out) == 0 {
		return
	}
	h.queued = true
	h.s.ready = append(h.s.ready, h)
	h.s.notify()
}

// take is what is to be written now: all control frames, and of each half that may one frame. A half whose window is
// used up goes on when it is opened.
func (s *side) take() (all []frame) {
	all, s.control, s.said = s.control, nil, 0
	ready := s.ready
	s.ready = nil
	for _, h := range ready {
		h.queued = false
		if f, some := s.takeOf(h); some {
			all = append(all, f)
			h.enqueue()
		}
	}
	return all
}

func (s *side) takeOf(h *half) (f frame, some bool) {
	if h.over || len(h.out) == 0 {
		return f, false
	}
	if h.id == 0 && !s.number(h) {
		return f, false
	}
	f = h.out[0]
	f.id = h.id
	if f.kind == http2.FrameData {
		n := min(int64(len(f.data)), s.window, h.window, int64(s.maxFrame))
		if n <= 0 && len(f.data) > 0 {
			return f, false
		}
		s.window -= n
		h.window -= n
		h.held -= int(n)
		h.peer.grant(uint32(n))
		if rest := f.data[n:]; len(rest) > 0 {
			h.out[0].data, f.data, f.end = rest, f.data[:n], false
			return f, true
		}
	}
	h.out = h.out[1:]
	if f.end {
		h.sentEnd = true
		if h.then != nil {
			h.s.say(frame{kind: http2.FrameRSTStream, id: h.id, number: uint32(*h.then)})
		}
		h.finish()
	}
	return f, true
}

// number gives a new stream its number, unless there may be no more.
func (s *side) number(h *half) bool {
	if uint32(len(s.streams)) >= s.maxStreams {
		h.queued = true
		s.waiting = append(s.waiting, h)
		return false
	}
	h.id, s.next = s.next, s.next+2
	h.window = s.initial
	s.streams[h.id] = h
	return true
}

// grant lets the far end send more of a stream, as much as was passed on.
func (h *half) grant(n uint32) {
	if n > 0 && h.s != nil && h.id != 0 && !h.over && !h.gotEnd {
		h.s.say(frame{kind: http2.FrameWindowUpdate, id: h.id, number: n})
	}
}

// finish forgets a stream that has ended in both directions.
func (h *half) finish() {
	if !h.sentEnd || !h.gotEnd || !h.peer.sentEnd || !h.peer.gotEnd {
		return
	}
	h.leave()
	h.peer.leave()
}

// leave takes a half out of its side.
func (h *half) leave() {
	if h.over {
		return
	}
	h.over, h.out = true, nil
	h.copies.leave()
	h.copies = nil
	s := h.s
	if s == nil {
		return
	}
	if h.id != 0 {
		delete(s.streams, h.id)
	}
	waiting := s.waiting
	s.waiting = nil
	for _, w := range waiting {
		w.queued = false
		w.enqueue()
	}
	s.b.ended(s)
}

// reset ends a half at once, and tells its far end why. Heads that wait to be written come before that, data does not.
func (h *half) reset(code http2.ErrCode) {
	if h.over {
		return
	}
	s, id, out := h.s, h.id, h.out
	h.leave()
	if s == nil || id == 0 {
		return
	}
	for len(out) > 0 && out[0].kind == http2.FrameHeaders && !out[0].end {
		out[0].id = id
		s.say(out[0])
		out = out[1:]
	}
	s.say(frame{kind: http2.FrameRSTStream, id: id, number: uint32(code)})
}

// write writes what there is, until the connection ends.
func (s *side) write() error {
	to := newFrameWriter(s.conn)
	for {
		s.b.mu.Lock()
		all, closed, maxFrame := s.take(), s.closed, s.maxFrame
		s.b.mu.Unlock()
		for _, f := range all {
			if err := to.write(f, maxFrame); err != nil {
				return err
			}
		}
		if len(all) > 0 {
			continue
		}
		if err := to.flush(); err != nil || closed {
			return err
		}
		<-s.wake
	}
}

// read takes what the far end says, until the connection ends.
func (s *side) read() error {
	framer := http2.NewFramer(nil, bufio.NewReaderSize(s.in, defaultFrame))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.MaxHeaderListSize = 4 * maxHead
	for {
		f, err := framer.ReadFrame()
		var stream http2.StreamError
		if errors.As(err, &stream) {
			s.b.mu.Lock()
			s.b.flooded = false
			s.broken(stream)
			flooded := s.b.flooded
			s.b.mu.Unlock()
			if flooded {
				return errFlood
			}
			continue
		}
		if err != nil {
			return err
		}
		s.b.mu.Lock()
		s.b.flooded = false
		if err = s.got(f); err == nil && s.b.flooded {
			err = errFlood
		}
		s.b.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// broken ends a stream of which the far end has said something that can't be.
func (s *side) broken(e http2.StreamError) {
	h := s.streams[e.StreamID]
	if h == nil {
		s.lastReceived = max(s.lastReceived, e.StreamID)
		s.say(frame{kind: http2.FrameRSTStream, id: e.StreamID, number: uint32(e.Code)})
		return
	}
	h.reset(e.Code)
	h.peer.reset(http2.ErrCodeCancel)
}

var (
	errHTTP2 = errors.New("a frame that must not come")
	errFlood = errors.New("frames that ask for answers, which the other end does not read")
)

// got takes a frame.
func (s *side) got(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return s.gotHeaders(f)
	case *http2.DataFrame:
		return s.gotData(f)
	case *http2.RSTStreamFrame:
		if h := s.streams[f.StreamID]; h != nil {
			s.gotReset(h, f.ErrCode)
		}
	case *http2.WindowUpdateFrame:
		s.opened(f)
	case *http2.SettingsFrame:
		return s.gotSettings(f)
	case *http2.PingFrame:
		switch {
		case !f.IsAck():
			s.say(frame{kind: http2.FramePing, data: bytes.Clone(f.Data[:]), ack: true})
		case s == s.b.client && string(f.Data[:]) == lastPing:
			s.b.goneAway()
		}
	case *http2.GoAwayFrame:
		s.gotGoAway(f)
	case *http2.PushPromiseFrame:
		return errHTTP2
	}
	return nil
}

// gotReset ends a stream. A far end that wants no more of a request may have answered it: the answer is passed on
// first.
func (s *side) gotReset(h *half, code http2.ErrCode) {
	h.leave()
	s.b.count(h)
	if p := h.peer; h.gotEnd && !p.over && !p.sentEnd {
		h.sentEnd, p.gotEnd, p.then = true, true, &code
		return
	}
	h.peer.reset(code)
}

func (s *side) gotHeaders(f *http2.MetaHeadersFrame) error {
	fields := append([]hpack.HeaderField(nil), f.Fields...)
	h := s.streams[f.StreamID]
	switch {
	case h == nil && s.key == "" && f.StreamID > s.lastReceived && f.StreamID%2 == 1:
		s.lastReceived = f.StreamID
		if s.away || f.Truncated || len(s.streams) >= maxStreams {
			s.say(frame{kind: http2.FrameRSTStream, id: f.StreamID, number: uint32(http2.ErrCodeRefusedStream)})
			return nil
		}
		h = &half{s: s, id: f.StreamID, window: s.initial}
		h.peer = &half{peer: h}
		s.streams[f.StreamID] = h
		s.b.begin(h, fields)
		if s.b.c.server.draining.Load() {
			s.b.goAway()
		}
		fields = append(fields, hpack.HeaderField{Name: strings.ToLower(forwarded), Value: s.b.c.from})
	case h == nil: // it has ended here, which the far end did not know
		return nil
	case h.gotEnd || f.Truncated:
		s.broken(http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol})
		return nil
	case s.key != "":
		fields = s.b.answered(h, fields)
	}
	h.gotEnd = f.StreamEnded()
	h.pass(frame{kind: http2.FrameHeaders, fields: fields, end: h.gotEnd})
	return nil
}

func (s *side) gotData(f *http2.DataFrame) error {
	// The connection's window opens at once, a stream's once its data was passed on: no stream holds up another.
	if s.received += f.Length; s.received >= connectionWindow/2 {
		s.say(frame{kind: http2.FrameWindowUpdate, number: s.received})
		s.received = 0
	}
	h := s.streams[f.StreamID]
	if h == nil {
		return nil
	}
	if h.gotEnd {
		s.broken(http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeStreamClosed})
		return nil
	}
	if h.peer.held+len(f.Data()) > streamWindow {
		s.broken(http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeFlowControl})
		return nil
	}
	h.gotEnd = f.StreamEnded()
	h.grant(f.Length - uint32(len(f.Data()))) // padding goes no further
	h.pass(frame{kind: http2.FrameData, data: bytes.Clone(f.Data()), end: h.gotEnd})
	return nil
}

// opened lets this end send more.
func (s *side) opened(f *http2.WindowUpdateFrame) {
	if h := s.streams[f.StreamID]; h != nil {
		h.window += int64(f.Increment)
		h.enqueue()
	}
	if f.StreamID == 0 {
		s.window += int64(f.Increment)
		for _, h := range s.streams {
			h.enqueue()
		}
	}
}

func (s *side) gotSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	table := uint32(4096)
	err := f.ForeachSetting(func(set http2.Setting) error {
		if err := set.Valid(); err != nil {
			return err
		}
		switch set.ID {
		case http2.SettingInitialWindowSize:
			change := int64(set.Val) - s.initial
			s.initial += change
			for _, h := range s.streams {
				h.window += change
				h.enqueue()
			}
		case http2.SettingMaxFrameSize:
			s.maxFrame = int(set.Val)
		case http2.SettingMaxConcurrentStreams:
			s.maxStreams = set.Val
		case http2.SettingHeaderTableSize:
			table = min(set.Val, table)
		}
		return nil
	})
	s.say(frame{kind: http2.FrameSettings, table: table})
	return err
}

// gotGoAway gives up the streams that the far end has not looked at: whoever began them may begin them again.
func (s *side) gotGoAway(f *http2.GoAwayFrame) {
	s.away = true
	for id, h := range s.streams {
		if s.key != "" && id > f.LastStreamID {
			h.leave()
			h.peer.reset(http2.ErrCodeRefusedStream)
		}
	}
	for _, h := range append(s.waiting, s.ready...) {
		if s.key != "" && h.id == 0 {
			h.leave()
			h.peer.reset(http2.ErrCodeRefusedStream)
		}
	}
	s.b.ended(s)
}

package route

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frame is one to be written.
type frame struct {
	kind     http2.FrameType
	id       uint32
	fields   []hpack.HeaderField
	data     []byte
	end      bool
	ack      bool   // of a ping
	number   uint32 // an increment, a code, or the last stream
	settings []http2.Setting
	table    uint32 // a size for the encoder, of the settings that this acknowledges
}

// size is what a frame's head or data takes.
func (f frame) size() int {
	n := len(f.data)
	for _, field := range f.fields {
		n += int(field.Size())
	}
	return n
}

// frameWriter writes the frames of one end of a connection, with the state that its headers' compression has.
type frameWriter struct {
	to      *bufio.Writer
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer // a head on its way
}

func newFrameWriter(to io.Writer) *frameWriter {
	w := &frameWriter{to: bufio.NewWriterSize(to, bufferSize)}
	w.framer = http2.NewFramer(w.to, nil)
	w.encoder = hpack.NewEncoder(&w.block)
	return w
}

// flush sends what was written.
func (w *frameWriter) flush() error { return w.to.Flush() }

// write writes a frame. The far end takes a part of a head of at most maxFrame bytes at once.
func (w *frameWriter) write(f frame, maxFrame int) error {
	switch f.kind {
	case http2.FrameData:
		return w.framer.WriteData(f.id, f.end, f.data)
	case http2.FrameHeaders:
		return w.writeHeaders(f, maxFrame)
	case http2.FrameRSTStream:
		return w.framer.WriteRSTStream(f.id, http2.ErrCode(f.number))
	case http2.FrameWindowUpdate:
		return w.framer.WriteWindowUpdate(f.id, f.number)
	case http2.FramePing:
		return w.framer.WritePing(f.ack, [8]byte(f.data))
	case http2.FrameGoAway:
		return w.framer.WriteGoAway(f.number, http2.ErrCodeNo, nil)
	case http2.FrameSettings:
		if len(f.settings) > 0 {
			return w.framer.WriteSettings(f.settings...)
		}
		w.encoder.SetMaxDynamicTableSizeLimit(f.table)
		return w.framer.WriteSettingsAck()
	}
	return nil
}

func (w *frameWriter) writeHeaders(f frame, maxFrame int) error {
	w.block.Reset()
	for _, field := range f.fields {
		if err := w.encoder.WriteField(field); err != nil {
			return err
		}
	}
	rest, first := w.block.Bytes(), true
	for first || len(rest) > 0 {
		n := min(len(rest), maxFrame)
		var err error
		if first {
			err = w.framer.WriteHeaders(http2.HeadersFrameParam{
				StreamID:      f.id,
				BlockFragment: rest[:n],
				EndStream:     f.end,
				EndHeaders:    n == len(rest),
			})
		} else {
			err = w.framer.WriteContinuation(f.id, n == len(rest), rest[:n])
		}
		if err != nil {
			return err
		}
		rest, first = rest[n:], false
	}
	return nil
}

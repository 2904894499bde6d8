//go:build e2e

package e2e

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// jdwp is a client of a JVM, by the Java Debug Wire Protocol:
// https://docs.oracle.com/en/java/javase/17/docs/specs/jdwp/jdwp-protocol.html
type jdwp struct {
	t      *testing.T
	conn   net.Conn
	id     uint32
	events [][]byte
	file   string
	// Where the breakpoint is.
	class, method uint64
}

// packet is a packet's content, read from its beginning.
type packet struct {
	t    *testing.T
	data []byte
}

func (p *packet) take(n int) []byte {
	p.t.Helper()
	if len(p.data) < n {
		p.t.Fatalf("a packet ends after %d bytes, %d are wanted", len(p.data), n)
	}
	taken := p.data[:n]
	p.data = p.data[n:]
	return taken
}

func (p *packet) byte() byte   { return p.take(1)[0] }
func (p *packet) int() int     { return int(binary.BigEndian.Uint32(p.take(4))) }
func (p *packet) long() uint64 { return binary.BigEndian.Uint64(p.take(8)) } // ids too: those of a 64-bit JVM
func (p *packet) text() string { return string(p.take(p.int())) }

// pack writes what a command is made of.
func pack(fields ...any) []byte {
	var data []byte
	for _, f := range fields {
		switch v := f.(type) {
		case byte:
			data = append(data, v)
		case int:
			data = binary.BigEndian.AppendUint32(data, uint32(v))
		case uint64:
			data = binary.BigEndian.AppendUint64(data, v)
		case string:
			data = append(binary.BigEndian.AppendUint32(data, uint32(len(v))), v...)
		}
	}
	return data
}

const jdwpHeader, jdwpReply = 11, 0x80

// read reads a packet: an answer to a command, or an event (answer is false).
func (j *jdwp) read() (content []byte, answer bool) {
	j.t.Helper()
	header := make([]byte, jdwpHeader)
	if _, err := io.ReadFull(j.conn, header); err != nil {
		j.t.Fatal(err)
	}
	content = make([]byte, binary.BigEndian.Uint32(header)-jdwpHeader)
	if _, err := io.ReadFull(j.conn, content); err != nil {
		j.t.Fatal(err)
	}
	if header[8] != jdwpReply {
		return content, false
	}
	if code := binary.BigEndian.Uint16(header[9:]); code != 0 {
		j.t.Fatalf("the JVM refuses with error %d", code)
	}
	return content, true
}

// call sends a command and returns its answer; events that come before it are kept.
func (j *jdwp) call(set, command byte, fields ...any) *packet {
	j.t.Helper()
	content := pack(fields...)
	j.id++
	if _, err := j.conn.Write(append(pack(len(content)+jdwpHeader, int(j.id), byte(0), set, command),
		content...)); err != nil {
		j.t.Fatal(err)
	}
	for {
		content, answer := j.read()
		if answer {
			return &packet{j.t, content}
		}
		j.events = append(j.events, content)
	}
}

// attachJDWP attaches to a JVM and sets a breakpoint in the class that a file is named after.
func attachJDWP(t *testing.T, d event.DebugData, file string, line int) debugClient {
	t.Helper()
	j := &jdwp{t: t, file: file}
	const hello = "JDWP-Handshake"
	eventually(t, 20*time.Second, "the JVM listens, as it does again for each client", func(context.Context) error {
		j.conn = dialDebugger(t, d)
		_, err := io.WriteString(j.conn, hello)
		if err == nil {
			_, err = io.ReadFull(j.conn, make([]byte, len(hello)))
		}
		return err
	})
	name := filepath.Base(file)
	signature := "L" + name[:len(name)-len(".java")] + ";"
	classes := j.call(1, 2, signature) // VirtualMachine.ClassesBySignature
	if n := classes.int(); n == 0 {
		j.setWhenLoaded(signature, line)
	} else {
		j.set(classes.byte(), classes.long(), line)
	}
	return j
}

// The kinds of events, and what a request of one stops.
const (
	breakpoint   = byte(2)
	classPrepare = byte(8)
	allThreads   = byte(2)
)

// set sets the breakpoint in a class.
func (j *jdwp) set(kind byte, class uint64, line int) {
	j.t.Helper()
	j.class = class
	methods := j.call(2, 5, class) // ReferenceType.Methods
	for range methods.int() {
		method := methods.long()
		_, _, _ = methods.text(), methods.text(), methods.int()
		lines := j.call(6, 1, class, method) // Method.LineTable
		_, _ = lines.long(), lines.long()
		for range lines.int() {
			if index, at := lines.long(), lines.int(); at == line {
				j.method = method
				const location = byte(7)
				j.call(15, 1, breakpoint, allThreads, 1, location, kind, class, method, index) // EventRequest.Set
			}
		}
	}
	if j.method == 0 {
		j.t.Fatalf("%s has no code in line %d", j.file, line)
	}
}

// setWhenLoaded has a JVM that waits go on until it has loaded the class of a signature, and sets the breakpoint before
// any of its code runs.
func (j *jdwp) setWhenLoaded(signature string, line int) {
	j.t.Helper()
	const classMatch = byte(5)
	j.call(15, 1, classPrepare, allThreads, 1, classMatch, signature[1:len(signature)-1]) // EventRequest.Set
	j.goOn()
	loaded := j.event(classPrepare)
	_ = loaded.long() // the thread
	j.set(loaded.byte(), loaded.long(), line)
	j.goOn()
}

// event reads the next event of a kind, up to what all of them have in common; others are left out, such as a JVM's
// start.
func (j *jdwp) event(kind byte) *packet {
	j.t.Helper()
	for {
		if len(j.events) == 0 {
			content, answer := j.read()
			if answer {
				j.t.Fatal("an answer to no question")
			}
			j.events = append(j.events, content)
		}
		next := &packet{j.t, j.events[0]}
		j.events = j.events[1:]
		_, _ = next.byte(), next.int() // what stands, and how many events; ours come alone
		if next.byte() == kind {
			_ = next.int() // its request
			return next
		}
	}
}

// stopped reads a local variable, which has to be a text.
func (j *jdwp) stopped(variable string) (file, value string) {
	j.t.Helper()
	thread := j.event(breakpoint).long()
	frames := j.call(11, 6, thread, 0, 1) // ThreadReference.Frames
	_ = frames.int()
	frame := frames.long()
	table := j.call(6, 2, j.class, j.method) // Method.VariableTable
	_ = table.int()
	for range table.int() {
		_, name, _, _, slot := table.long(), table.text(), table.text(), table.int(), table.int()
		if name != variable {
			continue
		}
		values := j.call(16, 1, thread, frame, 1, slot, byte('L')) // StackFrame.GetValues
		_, _ = values.int(), values.byte()
		value = j.call(10, 1, values.long()).text() // StringReference.Value
	}
	source := j.call(2, 7, j.class).text() // ReferenceType.SourceFile
	return filepath.Join(filepath.Dir(j.file), source), value
}

func (j *jdwp) goOn() {
	j.t.Helper()
	j.call(1, 9) // VirtualMachine.Resume
}

func (j *jdwp) leave() {
	j.t.Helper()
	j.call(1, 6) // VirtualMachine.Dispose, with all breakpoints
	j.conn.Close()
}

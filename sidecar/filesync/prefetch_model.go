package filesync

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxModel is the size of the largest message of the model's protocol that is taken, in bytes: an answer has a block of
// at most 16 MiB, and an entry of a very large file some MiB of sums. The model itself would make room for 500 MB, and
// for 4 GB where a message is compressed.
const maxModel = 32 << 20

// errCompressed says that a message is compressed, which this side never does.
var errCompressed = errors.New("a compressed message")

// checkModel looks at a frame of the model's before the model sees it. A frame is one message: the length of a header
// (2 bytes), the header, the length of the rest (4 bytes), and that.
func (f *framed) checkModel(length uint32) error {
	const sizes = 2 + 4
	if length == 0 {
		return nil
	}
	if length < sizes || length > maxModel {
		return fmt.Errorf("a message of %d bytes", length)
	}
	head, err := f.reader.Peek(2)
	if err != nil {
		return err
	}
	header := uint32(binary.BigEndian.Uint16(head))
	if header > min(length-sizes, uint32(f.reader.Size())-sizes) {
		return fmt.Errorf("a message of %d bytes with a header of %d", length, header)
	}
	if head, err = f.reader.Peek(int(2 + header + 4)); err != nil {
		return err
	}
	if rest := binary.BigEndian.Uint32(head[2+header:]); rest != length-sizes-header {
		return fmt.Errorf("a message of %d bytes in a frame of %d", rest, length)
	}
	return checkHeader(head[2 : 2+header])
}

// checkHeader refuses messages that say they are compressed.
func checkHeader(header []byte) error {
	const compression = 2 // the number of the field
	for len(header) > 0 {
		number, _, n := protowire.ConsumeField(header)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if number == compression {
			return errCompressed
		}
		header = header[n:]
	}
	return nil
}

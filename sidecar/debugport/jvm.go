package debugport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// launches says of a JVM's command line that the program is not in it: it is a build tool's, and the program has a JVM
// of its own, or it only says its version. Maven runs programs itself but for some goals.
func launches(argv []string) bool {
	if len(argv) == 0 {
		return false
	}
	main, args := mainOf(argv[1:])
	switch {
	case slices.Contains(tools[:], filepath.Base(argv[0])), main == "", filepath.Base(main) == "gradle-wrapper.jar":
		return true
	case main == "org.codehaus.plexus.classworlds.launcher.Launcher":
		return slices.ContainsFunc(args, func(word string) bool {
			return slices.ContainsFunc(forking[:], func(goal string) bool { return strings.Contains(word, goal) })
		})
	}
	return slices.ContainsFunc(builders[:], func(prefix string) bool { return strings.HasPrefix(main, prefix) })
}

// mainOf is the main class of a JVM's command line, or its archive, and its arguments; empty where it has none.
func mainOf(words []string) (main string, args []string) {
	for len(words) > 0 {
		switch word := words[0]; {
		case slices.Contains(valuedOptions[:], word):
			words = words[min(2, len(words)):]
		case strings.HasPrefix(word, "-"):
			words = words[1:] // with -jar, its archive is next
		default:
			return word, words[1:]
		}
	}
	return "", nil
}

// valuedOptions are the options of java that take their value as a word of its own.
var valuedOptions = [...]string{"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path",
	"--add-modules",
	"--add-opens", "--add-exports", "--add-reads", "--limit-modules", "--patch-module", "--enable-native-access"}

// builders are how the main classes of build tools and their helpers begin.
var builders = [...]string{"org.gradle.", "worker.org.gradle.", "org.jetbrains.kotlin.daemon.",
	"org.apache.maven.wrapper."}

// tools are JVMs of the JDK's own.
var tools = [...]string{"jar", "javac", "javadoc", "jcmd", "jdeps", "jlink", "jps", "keytool"}

// forking are the goals of Maven that start a program in a JVM of its own, by the names of their plugins.
var forking = [...]string{"spring-boot:", "spring-boot-maven-plugin:", "quarkus:", "quarkus-maven-plugin:", "exec:exec",
	"mn:run", "liberty:"}

// startLimit limits how long a JVM takes to say that it has started and waits.
const startLimit = 30 * time.Second

// dispose lets a JVM go on that waits for a client, by coming as one and leaving. A JVM only waits once it has started,
// and tells its client then; who left before would leave it waiting.
func dispose(ctx context.Context, t target) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.address.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	const hello = "JDWP-Handshake"
	if _, err := io.WriteString(conn, hello); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, make([]byte, len(hello))); err != nil {
		return fmt.Errorf("the JVM's handshake: %w", err)
	}
	if err := skipPacket(conn); err != nil {
		return fmt.Errorf("the JVM's start: %w", err)
	}
	const virtualMachineDispose = "\x00\x00\x00\x0b\x00\x00\x00\x01\x00\x01\x06"
	if _, err := io.WriteString(conn, virtualMachineDispose); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn) // until it closes the connection
	return err
}

// skipPacket reads a packet, which begins with its length.
func skipPacket(r io.Reader) error {
	const header, most = 11, 1 << 20
	head := make([]byte, header)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length < header || length > most {
		return errors.New("no packet of a JVM")
	}
	_, err := io.CopyN(io.Discard, r, int64(length)-header)
	return err
}

package debugport

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestLaunches(t *testing.T) {
	t.Parallel()
	const maven = "java -classpath /usr/share/maven/boot/plexus-classworlds-2.x.jar -Dmaven.home=/usr/share/maven " +
		"org.codehaus.plexus.classworlds.launcher.Launcher "
	for line, want := range map[string]bool{
		"java -Xmx64m -Dorg.gradle.appname=gradlew -classpath /src/gradle/wrapper/gradle-wrapper.jar " +
			"org.gradle.wrapper.GradleWrapperMain bootRun": true,
		"java -Xmx64m -Dorg.gradle.appname=gradlew -jar /src/gradle/wrapper/gradle-wrapper.jar bootRun": true,
		"java -cp /usr/share/gradle/lib/gradle-launcher-4.4.1.jar org.gradle.launcher.GradleMain run":   true,
		"java -XX:MaxMetaspaceSize=384m -cp /g/lib/gradle-daemon-main-8.12.jar " +
			"org.gradle.launcher.daemon.bootstrap.GradleDaemon 8.12": true,
		"java -cp /g/workerMain/gradle-worker.jar worker.org.gradle.process.internal.worker.GradleWorkerMain " +
			"'Gradle Test Executor 1'": true,
		"java -cp /g/kotlin-compiler.jar org.jetbrains.kotlin.daemon.KotlinCompileDaemon " +
			"--daemon-runFilesPath /x": true,
		maven + "spring-boot:run": true,
		maven + "-q -pl api org.springframework.boot:spring-boot-maven-plugin:3.4.1:run": true,
		maven + "quarkus:dev":          true,
		maven + "compile exec:exec":    true,
		maven + "exec:java":            false,
		maven + "-q compile jetty:run": false,
		"java -XX:TieredStopAtLevel=1 -cp /src/build/classes/java/main com.example.demo.DemoApplication": false,
		"/usr/lib/jvm/default-java/bin/java -version":                                                    true,
		"javac -g -d /tmp/classes Greeter.java":                                                          true,
		"java -cp /tmp/classes Greeter --version":                                                        false,
		"java -jar /src/target/quarkus-dev.jar":                                                          false,
		"java -cp /src/gradle/classes com.example.GradleThing":                                           false,
		"java --add-opens java.base/java.lang=ALL-UNNAMED -version":                                      true,
		"java": true,
		"java -XX:+UseG1GC --add-opens java.base/java.lang=ALL-UNNAMED -jar app.jar": false,
		"java -m com.example/com.example.Main":                                       false,
		"java -jar app.jar spring-boot:run":                                          false,
		"":                                                                           false,
	} {
		if got := launches(strings.Fields(line)); got != want {
			t.Errorf("%v: %s", got, line)
		}
	}
}

// A JVM that waits is left only once it has said that it has started: before that, it would wait again.
func TestDispose(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const (
		hello   = "JDWP-Handshake"
		started = "\x00\x00\x00\x0d\x00\x00\x00\x01\x00\x40\x64\x02\x00"
		bye     = "\x00\x00\x00\x0b\x00\x00\x00\x01\x00\x01\x06"
	)
	said := make(chan string, 1)
	go func() {
		defer close(said)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		heard := make([]byte, len(hello)+len(bye))
		_, _ = io.ReadFull(conn, heard[:len(hello)])
		_, _ = io.WriteString(conn, hello+started)
		_, _ = io.ReadFull(conn, heard[len(hello):])
		said <- string(heard)
	}()
	err = dispose(t.Context(), target{address: netip.MustParseAddrPort(listener.Addr().String())})
	listener.Close()
	if heard := <-said; err != nil || heard != hello+bye {
		t.Errorf("%q, %v", heard, err)
	}
}

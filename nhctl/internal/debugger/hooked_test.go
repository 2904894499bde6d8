package debugger

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

// Commands whose words don't show the program, or not all of it, run as they are, below the sidecar.
func TestHooked(t *testing.T) {
	t.Parallel()
	for language, commands := range map[string][]string{
		Node: {
			"node main.js", "exec node --enable-source-maps dist/main.js", "npm ci && exec node main.js", "npm start",
			"npm run dev", "npm run start:dev -- --port 80",
			"exec npm --prefix web run dev", "yarn", "yarn dev", "yarn workspace web dev", "pnpm dev",
			"pnpm --filter web dev", "npx nodemon src/index.js",
			"npx --yes tsx watch src/index.ts", "nodemon --exec ts-node src/index.ts", "tsx src/index.ts",
			"ts-node -r tsconfig-paths/register src/main.ts",
			"next dev -p 80", "nest start --watch", "vite --host", "cross-env NODE_ENV=development node main.js",
			"node --watch main.js",
			"NODE_OPTIONS=--max-old-space-size=512 npm run dev", "cd web && npm run dev", "sh -c 'npm run dev'",
			"env PORT=80 npm start", "./run.sh", "make dev",
		},
		Python: {
			"exec python3 -u main.py --port 80", "python -m http.server", "flask --app hello run --debug",
			"python manage.py runserver 0.0.0.0:80",
			"python manage.py migrate && python manage.py runserver", "uvicorn main:app --reload",
			"gunicorn -w 4 app:app", "poetry run flask run",
			"uv run uvicorn main:app", "pipenv run python main.py", "pdm run start", "fastapi dev main.py",
			"celery -A app worker", "python -m uvicorn main:app --workers 4",
			"DEBUG=1 exec python main.py", "cd api && python main.py", "sh -c 'python main.py'",
			"env A=b python main.py", "./run.sh", "make run", ".venv/bin/python main.py",
		},
		Java: {
			"./gradlew bootRun", "./gradlew run --args='--port 80'", "gradle -q :api:bootRun", "./mvnw spring-boot:run",
			"mvn -q exec:java", "mvn quarkus:dev", "./gradlew quarkusDev",
			"mvn -pl api spring-boot:run", "cd api && ./gradlew run", "sh -c 'java -jar app.jar'", "./run.sh",
			"make run", "sbt run",
		},
		Go: {"make run", "make -C api run", "air", "air -c .air.toml", "./run.sh", "sh run.sh", "sh -c 'go run .'",
			"task run", "cd api && make run", "exec env PORT=80 air", "wgo run ."},
	} {
		for _, command := range commands {
			t.Run(language+" "+command, func(t *testing.T) {
				t.Parallel()
				dev := config.Dev{Command: config.Commands{Run: text(command)}, Debug: config.Debug{Language: language}}
				for _, wait := range []bool{false, true} {
					want := []string{"/.nhctl/bin/sidecar", "debug", "-language", language, "-listen", "127.0.0.1:2345"}
					if wait {
						want = append(want, "-wait")
					}
					want = append(want, "--", "sh", "-c", command)
					got, err := Command(dev, Options{Port: 2345, Wait: wait})
					if diff := cmp.Diff(Start{Argv: want}, got); diff != "" || err != nil {
						t.Error(err, diff)
					}
				}
			})
		}
	}
}

// What is built before stays so, but for Go, whose programs have to be built below the sidecar.
func TestHookedAfterABuild(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		language   string
		build, run config.Command
		want       Start
	}{
		"java": {Java, text("mvn -q compile"), text("mvn exec:java"),
			Start{Build: []string{"sh", "-c", "mvn -q compile"}, Argv: []string{"sh", "-c", "mvn exec:java"}}},
		"go": {Go, text("go build -o web ."), text("./run.sh"),
			Start{Argv: []string{"sh", "-c", "go build -o web . && ./run.sh"}}},
		"argv": {Node, config.Command{}, config.Command{Argv: []string{"npm", "run", "dev"}},
			Start{Argv: []string{"npm", "run", "dev"}}},
		"python": {Python, text("pip install -e ."), text("flask run"),
			Start{Build: []string{"sh", "-c", "pip install -e ."}, Argv: []string{"sh", "-c", "flask run"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Command(config.Dev{Command: config.Commands{Build: tt.build, Run: tt.run},
				Debug: config.Debug{Language: tt.language}}, Options{Port: 1})
			if err != nil {
				t.Fatal(err)
			}
			got.Argv = got.Argv[slices.Index(got.Argv, "--")+1:]
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

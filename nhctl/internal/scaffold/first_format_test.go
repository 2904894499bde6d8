package scaffold

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFirstFormat(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, want string
		lost       []string
	}{
		"a folder of the repository": {
			from: `svcConfigs:
- {name: web, devLang: Golang, sync: [./src, ""], ignore: tests, command: [go, run, ., "$PORT"], jobs: null, pods: []}
`,
			want: `application:
  services:
    - name: web
      serviceType: deployment
      containers:
        - dev:
            image: docker.io/library/golang:1.26
            command:
              run:
                - go
                - run
                - .
                - $$PORT
            debug:
              language: go
            sync:
              ignoreFilePattern:
                - tests
              local: src
`,
		},
		"no services": {
			from: "preInstalls:\n\nappConfig:\n  name: metrics\n  type: helm\n  resourcePath: .\n\nsvcConfigs:\n",
			want: "application:\n  name: metrics\n  services: []\n",
			lost: []string{"appConfig: type: it is about installing the application",
				"appConfig: resourcePath: it is about installing the application"},
		},
		"the second form": {
			from: `name: shop
manifestType: rawManifest
services:
- name: web
  serviceType: statefulset
  devContainerImage: example.com/node:12
  devContainerShell: zsh
  devContainerResources: {limits: {cpu: "1"}}
  syncDirs: [./, /opt/x]
  devPorts: ["9090:3000"]
  dependJobsLabelSelector: [job-name=init]
  dependPodsLabelSelector: [app=db]
  buildCommand: [make]
  runCommand: [./web]
  debugCommand: [./debug.sh]
  syncFilePattern: [.]
  ignoreFilePattern: [.git]
  persistentVolumeDirs: [{path: /cache}]
  devLang: cobol
  nickname: w
`,
			want: `application:
  name: shop
  services:
    - name: web
      serviceType: statefulset
      dependLabelSelector:
        pods:
          - app=db
        jobs:
          - job-name=init
      containers:
        - dev:
            image: example.com/node:12
            shell: zsh
            resources:
              limits:
                cpu: "1"
            persistentVolumeDirs:
              - path: /cache
            command:
              build:
                - make
              debug:
                - ./debug.sh
              run:
                - ./web
            sync:
              filePattern:
                - .
              ignoreFilePattern:
                - .git
            portForward:
              - 9090:3000
`,
			lost: []string{
				"manifestType: it is about installing the application",
				"web: sync /opt/x: a folder of one computer; its developer names it with --dir, or in " +
					".dev/local.yaml as containers[].dev.sync.local",
				"web: devLang cobol: nhctl has no debugger for it",
				"web: nickname: it has no counterpart",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := FirstFormat([]byte(tt.from), "s")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(
				"# yaml-language-server: $schema=s\n# Made of a config in Nocalhost's first format.\n"+tt.want,
				made.Text); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.lost, made.Unmapped); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := FirstFormat([]byte("svcConfigs: ["), "s"); err == nil ||
		!strings.Contains(err.Error(), "read the config") {
		t.Errorf("%v", err)
	}
}

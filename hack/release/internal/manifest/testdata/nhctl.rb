class Nhctl < Formula
  desc "Develop inside Kubernetes from your own editor"
  homepage "https://github.com/nhctl/nhctl"
  version "0.1.0"
  license "Apache-2.0"

  on_macos do
    on_intel do
      url "https://example.com/v0.1.0/nhctl_0.1.0_darwin_amd64.tar.gz"
      sha256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    end
    on_arm do
      url "https://example.com/v0.1.0/nhctl_0.1.0_darwin_arm64.tar.gz"
      sha256 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    end
  end

  on_linux do
    on_intel do
      url "https://example.com/v0.1.0/nhctl_0.1.0_linux_amd64.tar.gz"
      sha256 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
    end
    on_arm do
      url "https://example.com/v0.1.0/nhctl_0.1.0_linux_arm64.tar.gz"
      sha256 "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
    end
  end

  def install
    bin.install "nhctl"
    bin.install_symlink bin/"nhctl" => "kubectl-nhctl"
    bash_completion.install "completions/nhctl.bash" => "nhctl"
    zsh_completion.install "completions/_nhctl"
    fish_completion.install "completions/nhctl.fish"
    man1.install Dir["man/*.1"]
    doc.install "THIRD_PARTY_NOTICES"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/nhctl version")
  end
end

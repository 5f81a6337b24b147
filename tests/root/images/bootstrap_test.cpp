#include "images/source/bootstrap.h"

#include "fixture.h"

namespace stack::builder {
namespace {

bool have_mirror() {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", "command -v mmdebstrap && getent hosts deb.debian.org"};
  Result<CapturedRun> run = run_captured(request);
  return run && run->exit_code == 0;
}

TEST_F(BuildTest, BootstrappedDebianInstallsPackagesInRun) {
  if (!have_mirror()) GTEST_SKIP() << "no mmdebstrap, or no way to deb.debian.org";
  std::string last_line;
  Result<images::Image> image = images::bootstrap(*store, ref("debian:bookworm-slim"), {},
                                                  [&](std::string_view line) { last_line = line; });
  ASSERT_TRUE(image) << image.error().text();
  EXPECT_EQ(image->repo_tags, std::vector<std::string>{"debian:bookworm-slim"});
  EXPECT_EQ(image->config().cmd, std::vector<std::string>{"bash"});
  EXPECT_LT(image->size, 120 << 20);
  EXPECT_EQ(content(*image, "/etc/apt/sources.list"), "(missing)");
  EXPECT_NE(content(*image, "/etc/apt/sources.list.d/debian.sources").find("http://deb.debian.org/debian\n"),
            std::string::npos);
  EXPECT_EQ(content(*image, "/etc/resolv.conf"), "");
  EXPECT_EQ(names(*image, "var/lib/apt/lists"), "partial");
  EXPECT_EQ(names(*image, "dev"), "");

  Result<images::Image> alias = images::bootstrap(*store, ref("debian:12"), {}, {});
  ASSERT_TRUE(alias) << alias.error().text();
  EXPECT_EQ(alias->id, image->id);

  images::Image built = build(
      "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends hello && hello > "
      "/said\n");
  EXPECT_EQ(content(built, "/said"), "Hello, world!\n") << output;
  EXPECT_EQ(content(built, "/var/cache/apt/pkgcache.bin"), "(missing)");
}

}  // namespace
}  // namespace stack::builder

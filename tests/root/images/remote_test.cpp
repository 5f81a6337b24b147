// Build inputs from other machines: ADD of URLs and repositories, remote and named contexts.
#include <fcntl.h>
#include <sys/stat.h>

#include <map>

#include "base/identity.h"
#include "fixture.h"
#include "images/source/registry/web_file.h"
#include "tests/unit/registry/http_server.h"

namespace stack::builder {
namespace {

std::string shell(const std::string& script) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-ec", script};
  Result<CapturedRun> run = run_captured(std::move(request));
  EXPECT_TRUE(run && run->exit_code == 0) << script << "\n" << (run ? run->output : run.error().text());
  return run ? std::string(trim(run->output)) : "";
}

class Remote : public BuildTest {
 protected:
  void SetUp() override {
    BuildTest::SetUp();
    if (IsSkipped()) return;
    BuilderOptions options;
    options.secret_directory = top.path() + "/secrets";
    options.download = [this](const std::string& url, const std::string& path, const BuildRequest&,
                              std::stop_token token) -> Result<RemoteFile> {
      images::registry::DownloadRequest request;
      request.url = url;
      request.path = path;
      request.stop = token;
      TRY_ASSIGN(images::registry::Download done, images::registry::download(transport, request));
      return RemoteFile{done.digest, done.name, done.modified};
    };
    builder.reset();
    Result<std::unique_ptr<Builder>> made = Builder::create(*store, driver, options);
    ASSERT_TRUE(made) << made.error().text();
    builder = std::move(*made);
  }

  test::Reply answer(const test::ServedRequest& request) {
    auto moved = redirects.find(request.target);
    if (moved != redirects.end()) return {302, {{"Location", moved->second}}, ""};
    std::string path = request.target.substr(0, request.target.find('?'));
    if (auto known = files.find(path); known != files.end())
      return {200, {{"Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT"}}, known->second};
    Result<std::string> text = read_file(top.path() + "/served" + path);
    if (!text) return {404, {}, "no"};
    return {200, {}, *text};
  }

  // A bare repository at /repo.git: main has a.txt and sub/b.txt, and the tag v1 is its first commit.
  std::string make_repository() {
    std::string where = top.path();
    shell("export HOME=" + where + " GIT_CONFIG_NOSYSTEM=1; cd " + where +
          "; git init -q -b main work; cd work; git config user.email a@b; git config user.name n;"
          "mkdir sub; echo one > a.txt; echo b > sub/b.txt; printf 'FROM scratch\\nCOPY a.txt /from-git\\n' "
          "> Dockerfile;"
          "ln -s /etc sub/out; git add .; git commit -q -m 1; git tag v1; echo two > a.txt; git commit -q "
          "-am 2;"
          "mkdir -p ../served; git clone -q --bare . ../served/repo.git; cd ../served/repo.git; git "
          "update-server-info");
    return server.origin() + "/repo.git";
  }
  std::string commit(const std::string& name) {
    return shell("git -C " + top.path() + "/work rev-parse " + name);
  }

  images::registry::Transport transport;
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> redirects;
  test::HttpServer server{[this](const test::ServedRequest& request) { return answer(request); }};
};

TEST_F(Remote, AddTakesAFileOfAServerWithItsNameAndTime) {
  files["/dir/tool.bin"] = "the tool";
  redirects["/latest"] = "/dir/tool.bin?x=1";
  images::Image image =
      build("FROM scratch\nADD " + server.origin() + "/latest /bin/\nADD --chmod=755 --chown=5:6 " +
            server.origin() + "/dir/tool.bin /own\n");
  EXPECT_EQ(content(image, "bin/tool.bin"), "the tool");
  EXPECT_EQ(entry(image, "bin/tool.bin")->info.st_mode & 07777, 0600u);
  EXPECT_EQ(entry(image, "bin/tool.bin")->info.st_mtim.tv_sec, 1577836800);
  EXPECT_EQ(entry(image, "own")->info.st_mode & 07777, 0755u);
  EXPECT_EQ(entry(image, "own")->info.st_uid, 5u);
  EXPECT_EQ(entry(image, "own")->info.st_gid, 6u);
}

TEST_F(Remote, ChangedFileIsDetectedAndUnchangedOneIsCached) {
  files["/f"] = "one";
  std::string text = "FROM scratch\nADD " + server.origin() + "/f /f\n";
  build(text);
  build(text);
  EXPECT_EQ(cached_steps(), 1);
  files["/f"] = "two";
  EXPECT_EQ(content(build(text), "f"), "two");
}

TEST_F(Remote, ChecksumIsVerifiedAndAvoidsTheDownload) {
  files["/f"] = "content";
  std::string line = "ADD --checksum=sha256:" + sha256_hex("content") + " " + server.origin() + "/f /f\n";
  EXPECT_EQ(content(build("FROM scratch\n" + line), "f"), "content");
  size_t asked = server.requests().size();
  build("FROM scratch\n" + line);
  EXPECT_EQ(cached_steps(), 1);
  EXPECT_EQ(server.requests().size(), asked);
  std::string error = build_error("FROM scratch\nADD --checksum=sha256:" + std::string(64, '0') + " " +
                                  server.origin() + "/f /f\n");
  EXPECT_NE(error.find("digest mismatch"), std::string::npos) << error;
  EXPECT_NE(build_error("FROM scratch\nADD --checksum=md5:1 " + server.origin() + "/f /f\n").find(":2:5: "),
            std::string::npos);
  file("local", "x");
  EXPECT_NE(build_error("FROM scratch\nADD --checksum=sha256:" + std::string(64, '0') + " local /f\n")
                .find("requires an http"),
            std::string::npos);
}

TEST_F(Remote, DownloadedArchivesAreUnpackedOnlyOnRequest) {
  shell("mkdir -p " + top.path() + "/t/in; echo x > " + top.path() + "/t/in/file; tar -C " + top.path() +
        "/t -czf " + top.path() + "/t.tgz in");
  files["/t.tgz"] = *read_file(top.path() + "/t.tgz");
  images::Image image = build("FROM scratch\nADD " + server.origin() + "/t.tgz /kept/\nADD --unpack=true " +
                              server.origin() + "/t.tgz /open/\n");
  EXPECT_EQ(names(image, "kept"), "t.tgz");
  EXPECT_EQ(content(image, "open/in/file"), "x\n");
}

TEST_F(Remote, ServerErrorIsReportedWithItsPosition) {
  std::string error = build_error("FROM scratch\nADD " + server.origin() + "/nothing /x\n");
  EXPECT_NE(error.find("Dockerfile (inline):2:5: "), std::string::npos) << error;
  EXPECT_NE(error.find("answered 404"), std::string::npos) << error;
  error = build_error("FROM scratch\nADD ftp://localhost/x /x\n");
  EXPECT_NE(error.find("only http, https, and git"), std::string::npos) << error;
  error = build_error("FROM scratch\nCOPY http://localhost/x /x\n");
  EXPECT_NE(error.find("can't be a URL for COPY"), std::string::npos) << error;
}

TEST_F(Remote, AddTakesTheTreeOfARepository) {
  std::string url = make_repository();
  images::Image image = build("FROM scratch\nADD " + url + " /head\nADD " + url + "#v1 /v1\nADD " + url +
                              "?branch=main&subdir=sub /sub\nADD --keep-git-dir=true " + url + " /history\n");
  EXPECT_EQ(content(image, "head/a.txt"), "two\n");
  EXPECT_EQ(content(image, "v1/a.txt"), "one\n");
  EXPECT_EQ(content(image, "sub/b.txt"), "b\n");
  EXPECT_FALSE(entry(image, "head/.git"));
  EXPECT_TRUE(entry(image, "history/.git/HEAD"));
  build("FROM scratch\nADD " + url + " /head\nADD " + url + "#v1 /v1\n");
  EXPECT_EQ(cached_steps(), 2);
}

TEST_F(Remote, CommitsAreCheckedAndLinksStayInTheRepository) {
  std::string url = make_repository();
  std::string good = commit("v1");
  EXPECT_EQ(content(build("FROM scratch\nADD --checksum=" + good + " " + url + "#v1 /x\n"), "x/a.txt"),
            "one\n");
  EXPECT_EQ(content(build("FROM scratch\nADD " + url + "#" + good + " /x\n"), "x/a.txt"), "one\n");
  std::string error = build_error("FROM scratch\nADD --checksum=" + good + " " + url + " /x\n");
  EXPECT_NE(error.find("but expected"), std::string::npos) << error;
  error = build_error("FROM scratch\nADD " + url + "#nothere /x\n");
  EXPECT_NE(error.find("no branch or tag nothere"), std::string::npos) << error;
  error = build_error("FROM scratch\nADD " + url + "#:sub/out /x\n");
  EXPECT_NE(error.find("not found"), std::string::npos) << error;  // not in the repository
}

TEST_F(Remote, ARepositoryIsABuildContext) {
  std::string url = make_repository();
  auto from = [&](const std::string& context_url) {
    BuildRequest request;
    request.context_directory = context_url;
    return builder->build(request, {}, {});
  };
  Result<BuildResult> made = from(url + "#v1");
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(content(*store->resolve(made->image_id), "from-git"), "one\n");
  made = from(url + "#main:sub");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text().find("failed to read dockerfile"), std::string::npos) << made.error().text();
}

TEST_F(Remote, AnArchiveOrADockerfileOfAServerIsABuildContext) {
  shell("mkdir -p " + top.path() + "/c; cd " + top.path() +
        "/c; echo data > data; printf 'FROM scratch\\nCOPY data /d\\n' > Dockerfile; tar -czf ../c.tgz .");
  files["/c.tgz"] = *read_file(top.path() + "/c.tgz");
  files["/Dockerfile"] = "FROM scratch\nLABEL from=url\n";
  BuildRequest request;
  request.context_directory = server.origin() + "/c.tgz";
  Result<BuildResult> made = builder->build(request, {}, {});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(content(*store->resolve(made->image_id), "d"), "data\n");
  request.context_directory = server.origin() + "/Dockerfile";
  made = builder->build(request, {}, {});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(store->resolve(made->image_id)->config().labels.at("from"), "url");
}

TEST_F(Remote, NamedContextsOfEveryKind) {
  import_base();
  std::string url = make_repository();
  shell("mkdir -p " + top.path() + "/dir " + top.path() + "/layout; echo here > " + top.path() + "/dir/f");
  images::Image source = build("FROM scratch\nCOPY --from=d /f /in-layout\n",
                               [&](BuildRequest& r) { r.named_contexts["d"] = top.path() + "/dir"; });
  ASSERT_TRUE(store->tag(source.id, ref("exported:1")));
  Result<Fd> archive = open_file(top.path() + "/a.tar", O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(images::save_images(*store, {"exported:1"}, [&](std::string_view bytes) -> Result<> {
    EXPECT_EQ(::write(archive->get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return {};
  }));
  shell("tar -C " + top.path() + "/layout -xf " + top.path() + "/a.tar");
  images::Image image = build(
      "FROM laid AS first\nFROM scratch AS other\nCOPY --from=repo /a.txt /a\nCOPY --from=laid /in-layout "
      "/l\n"
      "COPY --from=alias /in-layout /m\nCOPY --from=img /etc/passwd /p\n",
      [&](BuildRequest& r) {
        r.named_contexts = {{"repo", url},
                            {"laid", "oci-layout://" + top.path() + "/layout:1"},
                            {"alias", "target:first"},
                            {"img", "docker-image://base"}};
      });
  EXPECT_EQ(content(image, "a"), "two\n");
  EXPECT_EQ(content(image, "l"), "here\n");
  EXPECT_EQ(content(image, "m"), "here\n");
  EXPECT_NE(content(image, "p"), "(missing)");
  std::string error = build_error("FROM scratch\nCOPY --from=x / /\n",
                                  [](BuildRequest& r) { r.named_contexts["x"] = "weird://x"; });
  EXPECT_NE(error.find("expected a directory"), std::string::npos) << error;
}

TEST_F(Remote, TriggersUseStagesAndHereDocumentsOfTheBuildTheyRunIn) {
  import_base();
  build(
      "FROM base\nONBUILD COPY --from=made /f /got\nONBUILD RUN <<EOF\necho first > /one\necho second > "
      "/two\nEOF\n",
      [](BuildRequest& r) { r.tags = {*parse_reference("parent")}; });
  images::Image image = build("FROM base AS made\nRUN echo it > /f\nFROM parent\n");
  EXPECT_EQ(content(image, "got"), "it\n");
  EXPECT_EQ(content(image, "one"), "first\n");
  EXPECT_EQ(content(image, "two"), "second\n");
}

}  // namespace
}  // namespace stack::builder

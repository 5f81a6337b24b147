#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include <chrono>
#include <thread>

#include "base/json.h"
#include "fixture.h"

namespace stack::builder {
namespace {

TEST_F(BuildTest, ScratchImageContainsTheCopiedFiles) {
  file("hello.txt", "hello\n", 0640);
  images::Image image = build("FROM scratch\nCOPY hello.txt /etc/hello\nCMD [\"/x\"]\n");
  EXPECT_EQ(content(image, "/etc/hello"), "hello\n");
  EXPECT_EQ(entry(image, "etc/hello")->info.st_mode & 07777, 0640u);
  EXPECT_EQ(image.config().cmd, std::vector<std::string>{"/x"});
  EXPECT_EQ(image.config().env.front().substr(0, 5), "PATH=");
  EXPECT_EQ(image.layer_dirs.size(), 1u);
}

TEST_F(BuildTest, RunLeavesItsFilesAndNoMountPoints) {
  import_base();
  images::Image image =
      build("FROM base\nRUN mkdir /made && echo $FROM_BASE > /made/file && rm /etc/group\n");
  EXPECT_EQ(content(image, "/made/file"), "yes\n");
  EXPECT_EQ(content(image, "/etc/group"), "(missing)");
  EXPECT_EQ(names(image, "etc"), "passwd") << "hosts and resolv.conf were mount points";
  ASSERT_EQ(image.layer_dirs.size(), 2u);
  EXPECT_FALSE(path_exists(image.layer_dirs[0] + "/dev"));
  EXPECT_FALSE(path_exists(image.layer_dirs[0] + "/run"));
}

TEST_F(BuildTest, SecondBuildIsFullyCachedAndGivesTheSameImage) {
  import_base();
  file("a", "1");
  std::string text = "FROM base\nWORKDIR /w\nCOPY a .\nRUN cat a > b\nENV X=1\nLABEL l=2\n";
  images::Image first = build(text);
  EXPECT_FALSE(last.fully_cached);
  EXPECT_EQ(driver.runs, 1);
  images::Image second = build(text);
  EXPECT_TRUE(last.fully_cached);
  EXPECT_EQ(driver.runs, 1);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(cached_steps(), 3);
}

TEST_F(BuildTest, CacheSurvivesARestart) {
  import_base();
  build("FROM base\nRUN echo 1 > /one\n");
  builder.reset();
  open();
  make_builder();
  build("FROM base\nRUN echo 1 > /one\n");
  EXPECT_TRUE(last.fully_cached);
}

// A directory's contents are copied, not the directory itself.
TEST_F(BuildTest, NewDestinationDoesNotTakeTheAttributesOfTheSource) {
  import_base();
  file("top/sub/f", "x");
  ASSERT_EQ(::chmod((context + "/top").c_str(), 0700), 0);
  ASSERT_EQ(::chmod((context + "/top/sub").c_str(), 0711), 0);
  images::Image image = build(
      "FROM base AS one\nRUN mkdir /s && chmod 1777 /s && echo > /s/f\n"
      "FROM base\nCOPY top /a\nCOPY --from=one /s /b\nCOPY --chown=5:6 top /c\n");
  auto attributes = [&](const std::string& path) {
    auto found = entry(image, path);
    return found ? std::pair(found->info.st_mode & 07777, found->info.st_uid) : std::pair<mode_t, uid_t>();
  };
  EXPECT_EQ(attributes("a"), (std::pair<mode_t, uid_t>(0755, 0)));
  EXPECT_EQ(attributes("a/sub"), (std::pair<mode_t, uid_t>(0711, 0)));
  EXPECT_EQ(attributes("b"), (std::pair<mode_t, uid_t>(0755, 0)));
  EXPECT_EQ(attributes("c"), (std::pair<mode_t, uid_t>(0755, 5)));
}

TEST_F(BuildTest, AddUnpacksArchivesThatAWildcardNames) {
  import_base();
  file("src/one", "1");
  for (const char* name : {"a.tgz", "b.tgz"}) {
    SpawnRequest tar;
    tar.program = "tar";
    tar.args = {"-czf",        context + "/" + name,
                "-C",          context + "/src",
                "--transform", std::string("s/one/") + name[0] + "/",
                "one"};
    ASSERT_EQ(run_captured(tar)->exit_code, 0);
  }
  file("c.tgz", "not an archive");
  images::Image image = build("FROM base\nADD *.tgz /x/\n");
  EXPECT_EQ(names(image, "x"), "a b c.tgz");
}

TEST_F(BuildTest, ProxiesAreInTheEnvironmentInBothCases) {
  import_base();
  images::Image image =
      build("FROM base\nRUN echo $HTTP_PROXY $http_proxy $no_proxy > /p\n", [](BuildRequest& r) {
        r.args = {{"HTTP_PROXY", "http://one"}};
        r.proxy_environment = {{"http_proxy", "http://two"}, {"NO_PROXY", "here"}};
      });
  EXPECT_EQ(content(image, "/p"), "http://one http://one here\n");
}

TEST_F(BuildTest, OnlyChangedContentInvalidatesTheCache) {
  import_base();
  file("a", "1");
  std::string text = "FROM base\nCOPY a /a\nRUN cat /a > /b\n";
  build(text);
  timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (context + "/a").c_str(), times, 0), 0);
  build(text);
  EXPECT_TRUE(last.fully_cached);
  file("a", "2");
  images::Image image = build(text);
  EXPECT_FALSE(last.fully_cached);
  EXPECT_EQ(content(image, "/b"), "2");
  EXPECT_EQ(driver.runs, 2);
}

TEST_F(BuildTest, ChangeWithEqualSizeAndTimeIsDetected) {
  import_base();
  file("a", "1");
  std::string text = "FROM base\nCOPY a /a\n";
  build(text);
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  build(text);
  struct stat info{};
  ASSERT_EQ(::stat((context + "/a").c_str(), &info), 0);
  file("a", "2");
  timespec times[2] = {info.st_atim, info.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (context + "/a").c_str(), times, 0), 0);
  EXPECT_EQ(content(build(text), "/a"), "2");
}

TEST_F(BuildTest, FailedRunReportsItsCodeAndLastLinesAndLeavesNothing) {
  import_base();
  std::string error = build_error("FROM base\nRUN echo first; echo the reason; exit 7\n",
                                  [](BuildRequest& request) { request.tags = {*parse_reference("broken")}; });
  EXPECT_NE(error.find(
                "Dockerfile (inline):2:5: process \"/bin/sh -c echo first; echo the reason; exit 7\" did not "
                "complete successfully: exit code: 7\n  first\n  the reason"),
            std::string::npos)
      << error;
  EXPECT_FALSE(store->find("broken"));
  DIR* staging = ::opendir((root + "/staging").c_str());
  int entries = 0;
  while (::readdir(staging) != nullptr) ++entries;
  ::closedir(staging);
  EXPECT_EQ(entries, 2) << "staging is empty";
}

TEST_F(BuildTest, StagesCopyFromEachOtherAndUnreachableOnesAreNotBuilt) {
  import_base();
  images::Image image = build(
      "FROM base AS build\nRUN mkdir /out && echo made > /out/file && chmod 700 /out/file\n"
      "FROM base AS unused\nRUN exit 1\n"
      "FROM scratch\nCOPY --from=build /out/ /\nCOPY --from=0 --chown=5:6 /out/file /second\n");
  EXPECT_EQ(content(image, "/file"), "made\n");
  EXPECT_EQ(entry(image, "file")->info.st_mode & 07777, 0700u);
  EXPECT_EQ(entry(image, "second")->info.st_uid, 5u);
  EXPECT_EQ(entry(image, "second")->info.st_gid, 6u);
  EXPECT_EQ(driver.runs, 1);
}

TEST_F(BuildTest, TargetChoosesAStageByNameOrNumber) {
  import_base();
  std::string text = "FROM base AS one\nENV A=1\nFROM one AS two\nENV B=2\n";
  EXPECT_EQ(build(text, [](BuildRequest& r) { r.target = "one"; }).config().env.back(), "A=1");
  EXPECT_EQ(build(text, [](BuildRequest& r) { r.target = "1"; }).config().env.back(), "B=2");
  EXPECT_NE(build_error(text, [](BuildRequest& r) { r.target = "tow"; }).find("did you mean two?"),
            std::string::npos);
}

TEST_F(BuildTest, UnchangedOutputOfAChangedStageStillHitsTheCache) {
  import_base();
  auto text = [](const std::string& n) {
    return "FROM base AS build\nRUN echo " + n +
           " > /ignored; echo same > /out\nFROM base\nCOPY --from=build /out /out\nRUN cat /out > /two\n";
  };
  build(text("1"));
  EXPECT_EQ(driver.runs, 2);
  build(text("2"));
  EXPECT_EQ(driver.runs, 3) << "only the first stage's step";
}

TEST_F(BuildTest, ArgumentsReachRunAndAffectTheCacheAfterTheirDeclaration) {
  import_base();
  std::string text = "ARG BASE=base\nFROM $BASE\nRUN echo early > /early\nARG V=1\nRUN echo $V > /v\n";
  EXPECT_EQ(content(build(text), "/v"), "1\n");
  images::Image image = build(text, [](BuildRequest& r) { r.args["V"] = "2"; });
  EXPECT_EQ(content(image, "/v"), "2\n");
  EXPECT_EQ(driver.runs, 3) << "the step before ARG is cached";
  for (const std::string& env : image.config().env) EXPECT_FALSE(env.starts_with("V="));
}

TEST_F(BuildTest, GlobalArgumentMustBeRedeclaredInAStage) {
  import_base();
  images::Image image = build("ARG G=g\nFROM base\nRUN echo [$G] > /no\nARG G\nRUN echo [$G] > /yes\n");
  EXPECT_EQ(content(image, "/no"), "[]\n");
  EXPECT_EQ(content(image, "/yes"), "[g]\n");
}

TEST_F(BuildTest, ProxiesAreUsableInRunAndLeaveNoTrace) {
  import_base();
  std::string text = "FROM base\nARG HTTP_PROXY\nRUN env > /env.txt; echo $HTTP_PROXY $https_proxy > /p\n";
  auto with = [](const std::string& proxy) {
    return
        [proxy](BuildRequest& r) { r.proxy_environment = {{"HTTP_PROXY", proxy}, {"https_proxy", proxy}}; };
  };
  images::Image image = build(text, with("http://proxy.example:1"));
  EXPECT_EQ(content(image, "/p"), "http://proxy.example:1 http://proxy.example:1\n");
  EXPECT_EQ(image.config_json.find("proxy.example"), std::string::npos) << image.config_json;
  build(text, with("http://other.example:2"));
  EXPECT_TRUE(last.fully_cached);
}

TEST_F(BuildTest, HostCertificatesAreVisibleOnlyInRun) {
  import_base();
  std::string bundle = top.path() + "/bundle.pem";
  ASSERT_TRUE(write_file(bundle, "CERTS\n"));
  images::Image image =
      build("FROM base\nRUN cat $SSL_CERT_FILE $PIP_CERT $APT_CONFIG > /seen; ls /run/stack >> /seen\n",
            [&](BuildRequest& r) { r.extra_ca_bundle = bundle; });
  EXPECT_EQ(content(image, "/seen"),
            "CERTS\nCERTS\nAcquire::https::CAInfo "
            "\"/run/stack/ca-certificates.crt\";\napt.conf\nca-certificates.crt\nwgetrc\n");
  EXPECT_EQ(names(image, "run"), "");
  for (const std::string& env : image.config().env)
    EXPECT_EQ(env.find("/run/stack"), std::string::npos) << env;
  EXPECT_FALSE(path_exists(image.layer_dirs[0] + "/run"));
  std::string error = build_error("FROM base\nRUN echo x > $SSL_CERT_FILE\n",
                                  [&](BuildRequest& r) { r.extra_ca_bundle = bundle; });
  EXPECT_NE(error.find("exit code"), std::string::npos) << "read-only";
  EXPECT_EQ(*read_file(bundle), "CERTS\n");
}

TEST_F(BuildTest, CopyFollowsLinksOfTheImageAndKeepsDirectories) {
  import_base();
  file("tool", "#!/bin/sh\necho tool\n", 0755);
  file("tree/bin/other", "x", 0755);
  images::Image image = build("FROM base\nCOPY tool /bin/\nCOPY tree/ /\nRUN tool > /out\n");
  EXPECT_EQ(content(image, "/out"), "tool\n");
  EXPECT_TRUE(S_ISLNK(entry(image, "bin")->info.st_mode));
  EXPECT_EQ(content(image, "/usr/bin/other"), "x");
  EXPECT_EQ(entry(image, "tmp")->info.st_mode & 07777, 01777u);
}

TEST_F(BuildTest, CopyDestinationsAndWildcards) {
  import_base();
  file("a.txt", "a");
  file("b.txt", "b");
  file("dir/c", "c");
  file("dir/sub/d", "d");
  images::Image image = build(
      "FROM base\nWORKDIR /w\nCOPY *.txt ./\nCOPY dir here\nCOPY a.txt renamed\nCOPY a.txt dir /both/\nCOPY "
      "[\"b.txt\", \"/with space/\"]\n");
  EXPECT_EQ(names(image, "w"), "a.txt b.txt here renamed");
  EXPECT_EQ(names(image, "w/here"), "c sub");
  EXPECT_EQ(names(image, "both"), "a.txt c sub");
  EXPECT_EQ(content(image, "/with space/b.txt"), "b");
}

TEST_F(BuildTest, CopyOptions) {
  import_base();
  file("p/q/r.txt", "r");
  file("p/q/s.md", "s");
  file("p/run.sh", "x", 0600);
  images::Image image = build(
      "FROM base\nCOPY --chown=app:staff --chmod=u=rwX,go=rX p/run.sh /one/run.sh\nCOPY --parents "
      "p/./q/*.txt /two/\n"
      "COPY --exclude=*.md --exclude=run.sh p /three\nCOPY --parents p/**/*.md /four/\nCOPY --chmod=0750 "
      "p/run.sh /five\n");
  EXPECT_EQ(entry(image, "one/run.sh")->info.st_mode & 07777, 0644u);
  EXPECT_EQ(entry(image, "one/run.sh")->info.st_uid, 1000u);
  EXPECT_EQ(entry(image, "one/run.sh")->info.st_gid, 50u);
  EXPECT_EQ(entry(image, "one")->info.st_uid, 1000u);
  EXPECT_EQ(content(image, "/two/q/r.txt"), "r");
  EXPECT_EQ(names(image, "two/q"), "r.txt");
  EXPECT_EQ(names(image, "three"), "q");
  EXPECT_EQ(content(image, "/four/p/q/s.md"), "s");
  EXPECT_EQ(entry(image, "five")->info.st_mode & 07777, 0750u);
}

TEST_F(BuildTest, MissingAndIgnoredSourcesAreNamed) {
  import_base();
  file("secret.key", "x");
  file(".dockerignore", "# keys\n*.key\n");
  EXPECT_NE(build_error("FROM base\nCOPY nothere /x\n").find(":2:6: \"nothere\" not found"),
            std::string::npos);
  EXPECT_NE(build_error("FROM base\nCOPY secret.key /x\n").find("excluded by line 2 of .dockerignore"),
            std::string::npos);
}

TEST_F(BuildTest, DockerignoreAppliesToCopiesOfTheWholeContext) {
  file("keep", "1");
  file("drop/x", "1");
  file("node/a", "1");
  file("node/keep.js", "1");
  file("deep/er/x.log", "1");
  file(".dockerignore", "drop\nnode/*\n!node/keep.js\n**/*.log\n.dockerignore\n");
  images::Image image = build("FROM scratch\nCOPY . /\n");
  EXPECT_EQ(names(image, ""), "deep keep node");
  EXPECT_EQ(names(image, "node"), "keep.js");
  EXPECT_EQ(names(image, "deep/er"), "");
}

TEST_F(BuildTest, ContextCannotBeLeft) {
  ASSERT_TRUE(write_file(top.path() + "/outside", "secret"));
  ASSERT_TRUE(ensure_directory(context));
  ASSERT_EQ(::symlink("../outside", (context + "/link").c_str()), 0);
  ASSERT_EQ(::symlink((top.path() + "/outside").c_str(), (context + "/absolute").c_str()), 0);
  for (std::string source : {"../outside", "link", "absolute", "/../outside"})
    EXPECT_NE(build_error("FROM scratch\nCOPY " + source + " /x\n").find("not found"), std::string::npos)
        << source;
}

TEST_F(BuildTest, ImageLinksCannotLeadCopyOrWorkdirToTheHost) {
  import_base();
  std::string outside = top.path() + "/host";
  ASSERT_TRUE(ensure_directory(outside));
  file("evil", "x");
  // `outside` exists on the host; the image's link of that name points into the image.
  images::Image image = build("FROM base AS links\nRUN [\"/bin/sh\",\"-c\",\"mkdir -p " + outside +
                              "-x; cat /dev/null > /etc/empty\"]\nFROM links\nCOPY evil " + outside +
                              "/evil\nWORKDIR " + outside + "/made\n");
  EXPECT_FALSE(path_exists(outside + "/evil"));
  EXPECT_FALSE(path_exists(outside + "/made"));
  EXPECT_EQ(content(image, outside + "/evil"), "x");
}

TEST_F(BuildTest, AddUnpacksArchivesAndCopyDoesNot) {
  import_base();
  file("src/bin/prog", "p", 0755);
  file("src/top", "t");
  SpawnRequest tar;
  tar.program = "tar";
  tar.args = {"-czf", context + "/a.tar.gz", "--owner=7", "--group=8", "-C", context + "/src", "."};
  ASSERT_EQ(run_captured(tar)->exit_code, 0);
  images::Image image =
      build("FROM base\nADD a.tar.gz /\nCOPY a.tar.gz /kept/\nADD src/top /plain\nADD a.tar.gz /sub/\n");
  EXPECT_EQ(content(image, "/usr/bin/prog"), "p") << "through the image's link bin";
  EXPECT_TRUE(S_ISLNK(entry(image, "bin")->info.st_mode));
  EXPECT_EQ(entry(image, "top")->info.st_uid, 7u);
  EXPECT_EQ(names(image, "kept"), "a.tar.gz");
  EXPECT_EQ(content(image, "/plain"), "t");
  EXPECT_EQ(names(image, "sub"), "bin top");
}

TEST_F(BuildTest, HeredocsAreScriptsAndFiles) {
  import_base();
  images::Image image = build(
      "FROM base\nRUN <<EOF\necho one > /1\necho two > /2\nEOF\nRUN cat <<A > /3\nthree\nA\n"
      "RUN <<EOF\n#!/bin/cat\nshown\nEOF\nENV V=val\nCOPY <<\"x.txt\" <<y.txt /files/\nraw $V\nx.txt\ngot "
      "$V\ny.txt\n");
  EXPECT_EQ(content(image, "/1") + content(image, "/2") + content(image, "/3"), "one\ntwo\nthree\n");
  EXPECT_NE(output.find("shown"), std::string::npos);
  EXPECT_EQ(content(image, "/files/x.txt"), "raw $V\n");
  EXPECT_EQ(content(image, "/files/y.txt"), "got val\n");
  EXPECT_EQ(names(image, "run"), "");
}

TEST_F(BuildTest, ConfigurationInstructions) {
  import_base();
  images::Image image = build(
      "FROM base\nENV A=1 B=\"two words\"\nENV C=$A-$B\nLABEL a.b=c d=$A\nEXPOSE 80 90/udp 100-101\nVOLUME "
      "/data /more\n"
      "USER app\nWORKDIR /srv\nWORKDIR app\nSTOPSIGNAL SIGQUIT\nSHELL [\"/bin/sh\", \"-ec\"]\n"
      "HEALTHCHECK --interval=5s --retries=2 CMD test -f /ok\nENTRYPOINT [\"/e\"]\nCMD echo $A\n");
  const images::ImageConfig& config = image.config();
  EXPECT_EQ(join(config.env, ","), "PATH=/usr/bin:/bin,FROM_BASE=yes,A=1,B=two words,C=1-two words");
  EXPECT_EQ(config.labels.at("a.b"), "c");
  EXPECT_EQ(config.labels.at("d"), "1");
  EXPECT_EQ(join(config.exposed_ports, " "), "100/tcp 101/tcp 80/tcp 90/udp");
  EXPECT_EQ(join(config.volumes, " "), "/data /more");
  EXPECT_EQ(config.user, "app");
  EXPECT_EQ(config.working_dir, "/srv/app");
  EXPECT_EQ(entry(image, "srv/app")->info.st_uid, 1000u);
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_EQ(config.healthcheck->test, (std::vector<std::string>{"CMD-SHELL", "test -f /ok"}));
  EXPECT_EQ(config.healthcheck->interval, std::chrono::seconds(5));
  EXPECT_EQ(config.entrypoint, std::vector<std::string>{"/e"});
  EXPECT_EQ(join(config.cmd, "|"), "/bin/sh|-ec|echo $A");
}

TEST_F(BuildTest, EntrypointDropsTheBasesCommand) {
  import_base();
  EXPECT_TRUE(build("FROM base\nENTRYPOINT [\"/e\"]\n").config().cmd.empty());
  EXPECT_EQ(build("FROM base\nCMD [\"c\"]\nENTRYPOINT [\"/e\"]\n").config().cmd,
            std::vector<std::string>{"c"});
}

TEST_F(BuildTest, OnbuildTriggersRunOnlyInTheNextBuild) {
  import_base();
  file("f", "content");
  build("FROM base\nONBUILD COPY f /triggered\nONBUILD RUN echo ran > /ran\n",
        [](BuildRequest& r) { r.tags = {*parse_reference("parent")}; });
  images::Image child = build("FROM parent\n", [](BuildRequest& r) { r.tags = {*parse_reference("child")}; });
  EXPECT_EQ(content(child, "/triggered"), "content");
  EXPECT_EQ(content(child, "/ran"), "ran\n");
  EXPECT_TRUE(child.config().on_build.empty());
}

TEST_F(BuildTest, MountsOfRun) {
  import_base();
  file("ctx/data", "from context");
  BuildSecret secret;
  secret.id = "token";
  secret.value = "s3cret";
  std::string text =
      "FROM base AS other\nRUN echo stage > /s\n"
      "FROM base\n"
      "RUN --mount=type=bind,source=ctx,target=/ctx cat /ctx/data > /1\n"
      "RUN --mount=type=bind,from=other,source=/s,target=/in/s,rw echo more >> /in/s && cat /in/s > /2\n"
      "RUN --mount=type=cache,target=/cache echo kept > /cache/k\n"
      "RUN --mount=type=cache,target=/cache cat /cache/k > /3\n"
      "RUN --mount=type=secret,id=token cat /run/secrets/token > /4\n"
      "RUN --mount=type=secret,id=token,env=TOKEN echo $TOKEN > /5\n"
      "RUN --mount=type=tmpfs,target=/t touch /t/x && ls /t > /6\n";
  images::Image image = build(text, [&](BuildRequest& r) { r.secrets = {secret}; });
  EXPECT_EQ(content(image, "/1"), "from context");
  EXPECT_EQ(content(image, "/2"), "stage\nmore\n");
  EXPECT_EQ(content(image, "/3"), "kept\n");
  EXPECT_EQ(content(image, "/4"), "s3cret");
  EXPECT_EQ(content(image, "/5"), "s3cret\n");
  EXPECT_EQ(content(image, "/6"), "x\n");
  EXPECT_EQ(names(image, ""), "1 2 3 4 5 6 bin dev etc lib lib64 proc root run sys tmp usr");
  EXPECT_EQ(names(image, "run"), "");
  std::string error = build_error("FROM base\nRUN --mount=type=secret,id=x,required=true true\n");
  EXPECT_NE(error.find("secret x is required"), std::string::npos) << error;
}

TEST_F(BuildTest, ErrorsBeforeAnythingRuns) {
  import_base();
  EXPECT_NE(build_error("FROM base\nRUN true\nCOPY --form=x a b\n")
                .find(":3:6: unknown flag: --form (did you mean --from?)"),
            std::string::npos);
  EXPECT_NE(build_error("FROM base\nRUN true\nENTRYPOIN x\n").find("did you mean ENTRYPOINT?"),
            std::string::npos);
  EXPECT_NE(build_error("RUN true\nFROM base\n").find("FROM must come first"), std::string::npos);
  EXPECT_NE(build_error("FROM base AS a\nFROM base AS b\nCOPY --from=b /x /y\n").find("circular"),
            std::string::npos);
  EXPECT_NE(build_error("FROM nothere:1\n").find("No such image: nothere:1"), std::string::npos);
  EXPECT_NE(
      build_error("FROM --platform=linux/s390x base\n").find("No such image: base:latest for linux/s390x"),
      std::string::npos);
  EXPECT_NE(build_error("FROM base\nSTOPSIGNAL NOPE\n").find("invalid signal"), std::string::npos);
  EXPECT_NE(build_error("FROM base\nEXPOSE 70000\n").find("invalid containerPort"), std::string::npos);
  EXPECT_EQ(driver.runs, 0);
}

TEST_F(BuildTest, WarningsForProbableMistakes) {
  import_base();
  build("FROM base\nARG VERSION=1\nLABEL v=$VERSOIN\n", [](BuildRequest& r) { r.args["UNUSED"] = "1"; });
  EXPECT_NE(warnings().find("Dockerfile (inline):3: UndefinedVar: usage of undefined variable '$VERSOIN' "
                            "(did you mean $VERSION?)"),
            std::string::npos)
      << warnings();
  EXPECT_NE(warnings().find("[UNUSED] were not consumed"), std::string::npos);
}

}  // namespace
}  // namespace stack::builder

// `docker build` from the user's view: outputs, contexts, checks, caches, and the whole language in one file.
#include "scenario.h"

namespace stack::e2e {
namespace {

class DockerBuild : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    project("b", "services: {}\n");
  }
  CommandResult build(std::vector<std::string> args) {
    args.insert(args.begin(), "build");
    return must_docker(args);
  }
  std::string shell(const std::string& script) {
    CommandResult result = run_command({"bash", "-ec", "cd " + path(".") + "; " + script});
    EXPECT_EQ(result.code, 0) << script << "\n" << result.text();
    return result.out;
  }
  size_t image_count() { return stack().api("GET", "/images/json").body.size(); }
};

TEST_F(DockerBuild, OutputSelectsTheDestinations) {
  write("Dockerfile",
        "FROM debian:bookworm-slim AS make\nRUN mkdir -p /out/d && echo hi > /out/d/f && chmod 750 /out/d && "
        "ln -s d/f /out/l\n"
        "FROM scratch\nCOPY --from=make /out /\n");
  size_t before = image_count();
  build({"-o", "out", "."});
  EXPECT_EQ(shell("cat out/d/f; readlink out/l; stat -c '%a %u' out/d"), "hi\nd/f\n750 0\n");
  build({"--output", "type=tar,dest=out.tar", "."});
  EXPECT_EQ(shell("tar -tf out.tar"), "d/\nd/f\nl\n");
  EXPECT_EQ(docker({"build", "-q", "-o", "-", "."}).out.substr(0, 2), "d/");
  build({"-o", "type=cacheonly", "."});
  build({"-o", "type=oci,dest=o.tar", "."});
  EXPECT_EQ(image_count(), before) << "no image is left of a build into files";
  EXPECT_EQ(shell("skopeo inspect --raw oci-archive:o.tar | grep -c schemaVersion"), "1\n");
  build({"-t", "named:1", "-o", "type=docker,dest=d.tar", "--metadata-file", "meta.json", "--iidfile", "iid",
         "."});
  EXPECT_EQ(shell("skopeo inspect --config docker-archive:d.tar:named:1 | grep -c rootfs"), "1\n");
  EXPECT_EQ(shell("grep -c \"$(cat iid)\" meta.json; grep -o '\"image.name\":\"[^\"]*\"' meta.json"),
            "1\n\"image.name\":\"named:1\"\n");
  CommandResult refused = docker({"build", "-o", "type=zip,dest=x", "."});
  EXPECT_NE(refused.err.find("type=zip is not supported"), std::string::npos) << refused.text();
}

TEST_F(DockerBuild, ContextsComeFromArchivesRepositoriesAndOtherFolders) {
  write("Dockerfile", "FROM scratch\nCOPY f /f\nCOPY --from=other g /g\n");
  write("f", "from the context\n");
  shell(
      "mkdir other; echo g > other/g; tar -czf ctx.tgz Dockerfile f; export HOME=$PWD; git init -q -b main "
      "repo; cd repo;"
      "git config user.email a@b; git config user.name n; mkdir sub; cp ../Dockerfile sub; echo git > sub/f; "
      "git add .;"
      "git commit -qm 1");
  CommandResult made =
      docker({"build", "-o", "o1", "--build-context", "other=other", "-"}, *read_file(path("ctx.tgz")));
  EXPECT_EQ(made.code, 0) << made.text();
  EXPECT_EQ(shell("cat o1/f o1/g"), "from the context\ng\n");
  std::string programs(run_command({"git", "--exec-path"}).out);
  programs.resize(programs.find_last_not_of('\n') + 1);
  BackgroundCommand daemon({programs + "/git-daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1",
                            "--port=19418", "--base-path=" + path(".")});
  ASSERT_TRUE(eventually(
      10s, [&] { return run_command({"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/19418"}).code == 0; }));
  build({"-o", "o2", "--build-context", "other=./other", "git://127.0.0.1:19418/repo/.git#main:sub"});
  EXPECT_EQ(shell("cat o2/f"), "git\n");
}

TEST_F(DockerBuild, AServiceIsBuiltFromARepository) {
  shell(
      "export HOME=$PWD; mkdir repo; cd repo; git init -q -b main .; git config user.email a@b; git config "
      "user.name n;"
      "mkdir app; printf 'FROM debian:bookworm-slim\\nCOPY f /f\\nCMD [\"sleep\", \"infinity\"]\\n' > "
      "app/Dockerfile; echo cloned > app/f;"
      "git add .; git commit -qm 1");
  std::string programs(run_command({"git", "--exec-path"}).out);
  programs.resize(programs.find_last_not_of('\n') + 1);
  BackgroundCommand daemon({programs + "/git-daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1",
                            "--port=19419", "--base-path=" + path(".")});
  ASSERT_TRUE(eventually(
      10s, [&] { return run_command({"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/19419"}).code == 0; }));
  project("cloned",
          "services:\n  app: { init: true, build: \"git://127.0.0.1:19419/repo/.git#main:app\" }\n");
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "cat /f"), "cloned");
  EXPECT_EQ(run({"plan"}).code, 0) << "an unchanged address changes nothing";
  must({"down", "--rmi", "local"});
}

TEST_F(DockerBuild, CheckReportsAndBuildsNothing) {
  write("Dockerfile", "FROM debian:bookworm-slim as base\nRUN exit 1\nCMD echo $UNKNOWN\n");
  CommandResult check = docker({"build", "--check", "."});
  EXPECT_EQ(check.code, 1);
  EXPECT_NE(check.out.find("2 warnings have been found"), std::string::npos) << check.text();
  EXPECT_NE(check.out.find("Dockerfile:1: 'as' and 'FROM'"), std::string::npos) << check.text();
  write("Dockerfile", "FROM debian:bookworm-slim\nCMD [\"true\"]\n");
  EXPECT_EQ(must_docker({"build", "--call=check", "."}).out, "Check complete, no warnings found.\n");
  write("Dockerfile", "FROM debian:bookworm-slim\n  RUN --mount=type=banana,target=/x true\n");
  CommandResult refused = docker({"build", "--check", "."});
  EXPECT_NE(refused.err.find("Dockerfile:2:7: "), std::string::npos) << refused.text();
}

TEST_F(DockerBuild, FolderCacheOutlivesTheBuildCache) {
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN cat /proc/sys/kernel/random/uuid > /id\n");
  build({"-t", "one", "--cache-to", "type=local,dest=cache,mode=max", "."});
  std::string first = must_docker({"run", "--rm", "one", "cat", "/id"}).out;
  must_docker({"rmi", "one"});
  must_docker({"builder", "prune", "-af"});
  build({"-t", "two", "--cache-from", "type=local,src=cache", "."});
  EXPECT_EQ(must_docker({"run", "--rm", "two", "cat", "/id"}).out, first);
  build({"-t", "three", "--no-cache", "."});
  EXPECT_NE(must_docker({"run", "--rm", "three", "cat", "/id"}).out, first);
}

TEST_F(DockerBuild, ServiceIsBuiltFromTheImageOfAnother) {
  project("chain", R"(services:
  app:
    build:
      dockerfile_inline: |
        FROM base
        RUN cat /from-base > /seen
        CMD ["cat", "/seen"]
      additional_contexts: { base: "service:zlib" }
  zlib:
    scale: 0
    build:
      dockerfile_inline: |
        FROM debian:bookworm-slim
        RUN echo made-first > /from-base
)");
  must({"build", "app"});
  EXPECT_EQ(must({"run", "--rm", "-T", "app"}).out, "made-first\n");
  must({"down", "--rmi", "all"});
}

TEST_F(DockerBuild, TheWholeLanguageInOneFile) {
  write("script.sh", "#!/bin/sh\necho script\n");
  shell(
      "mkdir -p tree/a/b; echo 1 > tree/a/b/1.txt; echo 2 > tree/a/2.md; echo skip > tree/a/skip.txt; echo "
      "secret > s");
  write("Dockerfile", R"(# syntax=docker/dockerfile:1
# check=skip=none
ARG BASE=debian:bookworm-slim
FROM --platform=$BUILDPLATFORM ${BASE} AS base
ARG TARGETARCH TARGETPLATFORM BUILDPLATFORM TARGETSTAGE
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV LIST="a b" P=/opt/app.tar.gz
ENV STEM=${P##*/} KIND=${P#*.} DIR=${P%/*} SWAP=${P/app/lib} DEF=${NONE:-none} ALT=${LIST:+set}
RUN <<SH
echo "$TARGETARCH $TARGETPLATFORM $TARGETSTAGE" > /args
echo "$STEM $KIND $DIR $SWAP $DEF $ALT" > /env
SH
RUN <<'PY' cat > /quoted && echo more >> /quoted
$HOME stays
PY
COPY <<one.conf <<"two.conf" /etc/conf/
home=$DIR
one.conf
raw=$DIR
two.conf
COPY --chmod=u=rwX,go=rX --chown=33:44 script.sh /usr/local/bin/script
COPY --parents --exclude=**/skip.txt tree/./a/**/*.txt tree/./a/*.md /parents/
RUN --mount=type=bind,target=/ctx,rw echo x > /ctx/scratch && test -f /ctx/script.sh
RUN --mount=type=cache,id=shared,target=/cache,mode=0700,uid=5 stat -c '%a %u' /cache > /cache-mode && touch /cache/kept
RUN --mount=type=cache,id=shared,target=/cache,ro test -e /cache/kept
RUN --mount=type=tmpfs,target=/tmpfs,size=1m df -k /tmpfs | tail -1 | grep -q 1024
RUN --mount=type=secret,id=s,target=/run/x,mode=0444 cat /run/x > /secret-len && wc -c < /run/x > /secret-len
RUN --network=none ! cat /sys/class/net/eth0/address 2>/dev/null
USER www-data:www-data
WORKDIR /srv/${LIST%% *}
RUN id -un > /tmp/who
FROM base
USER root
COPY --link --from=base /args /env /final/
VOLUME ["/data"]
EXPOSE 53/udp 80
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --start-interval=1s --retries=2 CMD ["true"]
ENTRYPOINT ["/bin/bash", "-c"]
CMD ["cat /final/args /final/env /quoted /etc/conf/one.conf /etc/conf/two.conf /cache-mode /secret-len /tmp/who; stat -c '%a %u:%g' /usr/local/bin/script; find /parents -type f | sort; pwd"]
)");
  build({"-t", "whole", "--secret", "id=s,src=s", "."});
  std::string architecture = run_command({"uname", "-m"}).out.starts_with("x86") ? "amd64" : "arm64";
  EXPECT_EQ(must_docker({"run", "--rm", "whole"}).out,
            architecture + " linux/" + architecture +
                " default\napp.tar.gz tar.gz /opt /opt/lib.tar.gz none set\n$HOME "
                "stays\nmore\nhome=/opt\nraw=$DIR\n700 5\n7\n"
                "www-data\n644 33:44\n/parents/a/2.md\n/parents/a/b/1.txt\n/srv/a\n");
}

}  // namespace
}  // namespace stack::e2e

// Builds images without a network.
#include "scenario.h"

namespace stack::e2e {
namespace {

class Build : public Scenario {};

TEST_F(Build, MultiStageBuildKeepsOnlyFilesOfTheLastStage) {
  example("multi-stage-build");
  must({"build"});
  EXPECT_EQ(must({"run", "--rm", "-T", "greet"}).out, "good day, world\n");
  EXPECT_EQ(must({"run", "--rm", "-T", "greet", "reader"}).out, "good day, reader\n");
  CommandResult files =
      must({"run", "--rm", "-T", "--entrypoint", "ls", "greet", "/result", "/usr/local/bin/greet"});
  EXPECT_EQ(files.out, "/result\n/usr/local/bin/greet\n") << files.text();
  EXPECT_NE(run({"run", "--rm", "-T", "--entrypoint", "ls", "greet", "/src"}).code, 0)
      << "a stage's files stay in the stage";
  must({"down"});
}

TEST_F(Build, SecondBuildUsesTheCacheAndDetectsChanges) {
  project("cache", "services:\n  app:\n    build: .\n");
  write("Dockerfile",
        "FROM debian:bookworm-slim\nRUN cat /proc/sys/kernel/random/uuid > /first\nCOPY data /data\n"
        "RUN cat /proc/sys/kernel/random/uuid > /second\nCMD cat /first /second /data\n");
  write("data", "one\n");
  must({"build"});
  std::string first = must({"run", "--rm", "-T", "app"}).out;
  must({"build"});
  EXPECT_EQ(must({"run", "--rm", "-T", "app"}).out, first);
  write("data", "two\n");
  must({"build"});
  std::string changed = must({"run", "--rm", "-T", "app"}).out;
  ASSERT_GT(changed.size(), 74U);
  EXPECT_EQ(changed.substr(0, 37), first.substr(0, 37)) << "before the change: from the cache";
  EXPECT_NE(changed.substr(37, 37), first.substr(37, 37)) << "after it: built again";
  EXPECT_EQ(changed.substr(74), "two\n");
  must({"build", "--no-cache"});
  EXPECT_NE(must({"run", "--rm", "-T", "app"}).out.substr(0, 37), first.substr(0, 37));
  must({"down"});
}

// Overlayfs accepts each directory once.
TEST_F(Build, ImageContainsOneLayerSeveralTimes) {
  project("twice", "services:\n  app:\n    build: .\n");
  write("data", "here\n");
  write("Dockerfile", R"(FROM debian:bookworm-slim
COPY data /x
RUN rm /x
COPY data /x
RUN cat /x
RUN rm /x && ln -s /etc /x
COPY data /y
RUN rm /y
COPY data /y
CMD cat /y && readlink /x
)");
  must({"build"});
  EXPECT_EQ(must({"run", "--rm", "-T", "app"}).out, "here\n/etc\n");
  must({"down"});
}

TEST_F(Build, InstructionsReachTheContainer) {
  project("image", "services:\n  app:\n    build: .\n");
  write("Dockerfile", R"(FROM debian:bookworm-slim
ARG SIZE=small
ENV SIZE=$SIZE PLACE="here and there"
LABEL purpose=test
RUN useradd --uid 1234 worker && mkdir /work && chown worker /work
WORKDIR /work
COPY --chown=worker --chmod=0600 data.txt renamed.txt
ADD archive.tar.gz /unpacked/
USER worker
SHELL ["/bin/bash", "-c"]
RUN echo $BASH_VERSION > shell
EXPOSE 80/tcp
STOPSIGNAL SIGKILL
HEALTHCHECK --interval=200ms CMD test -e /work/shell
ENTRYPOINT ["sleep"]
CMD ["infinity"]
)");
  write("data.txt", "data\n");
  write("archived/file", "in the archive\n");
  ASSERT_EQ(run_command({"tar", "-C", path("archived"), "-czf", path("archive.tar.gz"), "file"}).code, 0);
  must({"up", "-d", "--build"});
  EXPECT_EQ(inside("app",
                   "id -un; pwd; echo $SIZE $PLACE; stat -c '%U %a' renamed.txt; cat /unpacked/file; test -s "
                   "shell && echo bash"),
            "worker\n/work\nsmall here and there\nworker 600\nin the archive\nbash");
  EXPECT_TRUE(eventually(5s, [&] { return container("app").health == "healthy"; }));
}

TEST_F(Build, SecretsReachTheirStepAndNothingElse) {
  project("secrets", R"(
services:
  app:
    build:
      context: .
      secrets:
        - from_file
        - { source: from_environment, target: token, uid: "1234", mode: 0440 }
secrets:
  from_file: { file: ./secret.txt }
  from_environment: { environment: SECRET_TOKEN }
)");
  write("secret.txt", "hidden in a file\n");
  write("Dockerfile", R"(FROM debian:bookworm-slim
RUN --mount=type=secret,id=from_file,required cat /run/secrets/from_file | wc -c > /seen
RUN --mount=type=secret,id=token,target=/tmp/t stat -c '%u %a' /tmp/t >> /seen
RUN --mount=type=secret,id=from_environment,env=TOKEN test "${#TOKEN}" = 20 && echo same >> /seen
RUN test ! -e /run/secrets/from_file && echo gone >> /seen
CMD cat /seen
)");
  CommandResult built = must({"build"}, {{"SECRET_TOKEN", "hidden in a variable"}});
  EXPECT_EQ(built.text().find("hidden in"), std::string::npos) << built.text();
  std::string first = must({"run", "--rm", "-T", "app"}, {{"SECRET_TOKEN", "x"}}).out;
  EXPECT_EQ(first, "17\n1234 440\nsame\ngone\n");
  EXPECT_EQ(run_command({"grep", "-rl", "hidden in a", stack().root() + "/images"}).out, "")
      << "neither in layers nor in the cache";
  must({"down"}, {{"SECRET_TOKEN", "x"}});
}

TEST_F(Build, StepsCanUseTheSshAgent) {
  if (run_command({"sh", "-c", "command -v ssh-agent ssh-keygen ssh-add"}).code != 0)
    GTEST_SKIP() << "no ssh-agent(1) here";
  project("ssh", "services:\n  app:\n    build:\n      context: .\n      ssh: [\"key=./id\"]\n");
  ASSERT_EQ(run_command({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("id")}).code, 0);
  project("ssh",
          "services:\n  app:\n    build:\n      context: .\n      ssh: [\"key=" + path("id") + "\"]\n");
  write("Dockerfile",
        "FROM debian:bookworm-slim\nRUN --mount=type=ssh,id=key,required test -S $SSH_AUTH_SOCK && echo "
        "asked > /seen\n"
        "RUN test -z \"$SSH_AUTH_SOCK\" && test ! -e /run/buildkit && echo gone >> /seen\nCMD cat /seen\n");
  must({"build"});
  EXPECT_EQ(must({"run", "--rm", "-T", "app"}).out, "asked\ngone\n");
  must({"down"});
}

TEST_F(Build, ABuildLeavesTheNetworksOfProjectsAlone) {
  // The network is called stack_build.
  project("stack", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    networks: [build]
networks:
  build: {}
)");
  must({"up", "-d"});
  project("other", "services:\n  app:\n    build: .\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo x > /x\n");
  must({"build"});
  EXPECT_EQ(stack().api("GET", "/networks/stack_build").status, 200);
  Json networks = stack().api("GET", "/networks").body;
  EXPECT_EQ(to_text(networks).find("stack-build"), std::string::npos) << "the builds' own network is gone";
  std::vector<RunningContainer> web = stack().containers("stack");
  ASSERT_EQ(web.size(), 1U);
  EXPECT_EQ(web[0].state, "running");
}

TEST_F(Build, DownRemovesTheImageOnRequest) {
  project("gone", "services:\n  app:\n    build: .\n    stop_signal: SIGKILL\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo x > /x\nCMD [\"sleep\", \"infinity\"]\n");
  must({"up", "-d", "--build"});
  EXPECT_EQ(stack().api("GET", "/images/gone-app/json").status, 200);
  must({"down", "--rmi", "local"});
  EXPECT_EQ(stack().api("GET", "/images/gone-app/json").status, 404);
  EXPECT_EQ(stack().api("GET", "/images/debian:bookworm-slim/json").status, 200);
}

}  // namespace
}  // namespace stack::e2e

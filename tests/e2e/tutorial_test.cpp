// Command lines as Docker's tutorials have them, typed word for word into a shell in which `docker` and `docker-compose` are
// this program. docs/TUTORIALS.md lists each line and its test.
#include "tutorial.h"

namespace stack::e2e {
namespace {

TEST_F(Tutorial, HelloWorldAndADaemonIsStoppedStartedAndRemoved) {
  EXPECT_EQ(shell("docker run ubuntu /bin/echo 'Hello world'"), "Hello world");
  std::string id = shell(
      "docker run --name daemon -d ubuntu /bin/sh -c \"while true; do echo hello world; sleep 1; done\"");
  EXPECT_EQ(id.size(), 64u) << id;
  EXPECT_EQ(shell("docker ps -a | wc -l"), "3");
  EXPECT_NE(shell("docker ps").find("\"/bin/sh -c 'while t…\""), std::string::npos) << shell("docker ps");
  EXPECT_TRUE(
      eventually(10s, [&] { return shell("docker logs daemon").find("hello world") != std::string::npos; }));
  EXPECT_EQ(shell("docker stop -t 1 daemon"), "daemon");
  EXPECT_NE(shell("docker ps -a").find("Exited (137)"), std::string::npos);
  EXPECT_EQ(shell("docker start daemon"), "daemon");
  EXPECT_NE(shell("docker ps -a").find("Up "), std::string::npos);
  CommandResult running = try_shell("docker rm daemon");
  EXPECT_EQ(running.code, 1);
  EXPECT_NE(running.err.find("Error response from daemon: "), std::string::npos) << running.err;
  EXPECT_EQ(shell("docker rm -f $(docker ps -aq) | wc -l"), "2");
  EXPECT_EQ(shell("docker ps -aq"), "");
}

TEST_F(Tutorial, AShellInATerminalAndItsExit) {
  CommandResult typed = terminal("docker run -i -t --rm ubuntu /bin/bash", "echo $((40+2))\nexit 3\n");
  EXPECT_NE(typed.out.find("42"), std::string::npos) << typed.text();
  EXPECT_EQ(typed.code, 3);
  EXPECT_EQ(shell("docker ps -aq"), "");
}

TEST_F(Tutorial, DetachWithCtrlPCtrlQAndAttachAgain) {
  CommandResult typed = terminal("docker run -it --name kept ubuntu /bin/bash", "echo begun\n\x10\x11");
  EXPECT_EQ(typed.code, 0) << typed.text();
  EXPECT_EQ(shell("docker ps --format '{{.Names}} {{.State}}'"), "kept running");
  CommandResult again = terminal("docker attach kept", "exit\n");
  EXPECT_EQ(again.code, 0) << again.text();
  EXPECT_EQ(shell("docker ps -a --format '{{.State}}'"), "exited");
  EXPECT_EQ(shell("docker start kept"), "kept");
  EXPECT_EQ(shell("docker ps --format '{{.Names}}'"), "kept");
}

TEST_F(Tutorial, InvalidFlagsFailLikeInDocker) {
  CommandResult wrong = try_shell("docker run -rm ubuntu");
  EXPECT_EQ(wrong.code, 125);
  EXPECT_EQ(wrong.err,
            "unknown shorthand flag: 'r' in -rm\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] "
            "[ARG...]\n\nRun 'docker "
            "run --help' for more information\n");
  EXPECT_EQ(try_shell("docker run").code, 1);
  EXPECT_EQ(try_shell("docker stopp x").err,
            "docker: unknown command: docker stopp\n\nRun 'docker --help' for more information\n");
  CommandResult missing = try_shell("docker stop nobody");
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err, "Error response from daemon: No such container: nobody\n");
}

TEST_F(Tutorial, HelpForTheProgramAFamilyAndACommand) {
  EXPECT_NE(shell("docker --help").find("Management Commands:"), std::string::npos);
  EXPECT_NE(shell("docker images --help").find("Usage:  docker images [OPTIONS] [REPOSITORY[:TAG]]"),
            std::string::npos);
  EXPECT_NE(shell("docker container --help").find("Usage:  docker container COMMAND"), std::string::npos);
}

TEST_F(Tutorial, ImagesAreListedTaggedAndRemoved) {
  EXPECT_EQ(shell("docker image ls ubuntu --format '{{.Repository}}:{{.Tag}}' | sort"),
            "ubuntu:18.04\nubuntu:latest");
  EXPECT_EQ(shell("docker images -q ubuntu | sort -u | wc -l"), "1");
  shell("docker run --name user ubuntu true");
  CommandResult used = try_shell("docker rmi $(docker images -q ubuntu | head -1)");
  EXPECT_EQ(used.code, 1);
  EXPECT_NE(used.err.find("conflict: unable to delete"), std::string::npos) << used.err;
  EXPECT_EQ(shell("docker rmi ubuntu:18.04"), "Untagged: ubuntu:18.04");
  EXPECT_EQ(shell("docker tag ubuntu me/mine:1 && docker images me/mine --format '{{.Tag}}'"), "1");
}

TEST_F(Tutorial, CommittedImageCanBeTagged) {
  shell("docker run --name made ubuntu sh -c 'echo new > /new'");
  std::string id = shell("docker commit made");
  EXPECT_TRUE(id.starts_with("sha256:")) << id;
  EXPECT_NE(shell("docker image ls").find("<none>"), std::string::npos);
  shell("docker tag " + id.substr(7, 12) + " ubuntu_miniconda:latest");
  EXPECT_EQ(shell("docker run --rm ubuntu_miniconda cat /new"), "new");
}

TEST_F(Tutorial, BuildWithVariablesAndAVolumeOfTheCaller) {
  put("Dockerfile",
      "FROM ubuntu:latest\n"
      "ENV SITE_URL http://example.com/\n"
      "WORKDIR /data\n"
      "VOLUME /data\n"
      "CMD sh -c \"echo $SITE_URL > /data/results\"\n");
  shell("docker build . -t test-curl");
  EXPECT_NE(shell("docker images").find("test-curl"), std::string::npos);
  shell("docker run --rm -v $(pwd)/vol:/data/:rw test-curl");
  EXPECT_EQ(shell("cat ./vol/results"), "http://example.com/");
  shell("docker run --rm -e SITE_URL=https://facebook.com/ -v $(pwd)/vol:/data/:rw test-curl");
  EXPECT_EQ(shell("cat ./vol/results"), "https://facebook.com/");
}

TEST_F(Tutorial, BuildFromADockerfileWithAnotherName) {
  put("hello.dockerfile", "FROM ubuntu\nCOPY app.txt /app.txt\nCMD cat /app.txt\n");
  put("app.txt", "from the context\n");
  shell("docker build -f hello.dockerfile -t hello-world .");
  EXPECT_EQ(shell("docker run -i hello-world"), "from the context");
}

TEST_F(Tutorial, CopyIntoARunningContainer) {
  put("page.html", "page\n");
  shell("docker run -d --name web ubuntu sleep infinity");
  shell("docker cp page.html web:/srv/");
  EXPECT_EQ(shell("docker exec web cat /srv/page.html"), "page");
  shell("docker cp web:/etc/hostname here && test -s here");
  EXPECT_NE(shell("docker inspect web").find("\"Id\""), std::string::npos);
  shell("docker kill web");
}

TEST_F(Tutorial, NetworksAreCreatedJoinedLeftAndRemoved) {
  EXPECT_EQ(shell("docker network create back").size(), 64u);
  EXPECT_NE(shell("docker network ls").find("back"), std::string::npos);
  shell("docker run -d --net back --name db ubuntu sleep infinity");
  shell("docker run -d --name app ubuntu sleep infinity");
  shell("docker network connect back app");
  EXPECT_NE(shell("docker exec app getent hosts db").find("db"), std::string::npos);
  EXPECT_NE(shell("docker network inspect back").find("\"Name\": \"db\""), std::string::npos);
  shell("docker network disconnect back app");
  CommandResult used = try_shell("docker network rm back");
  EXPECT_EQ(used.code, 1);
  EXPECT_NE(used.err.find("has active endpoints"), std::string::npos) << used.err;
  shell("docker kill db app; docker network rm back");
}

TEST_F(Tutorial, PruningAndVolumes) {
  shell(
      "docker volume create data && docker run --name one -v data:/data ubuntu sh -c 'echo kept > "
      "/data/file'");
  EXPECT_EQ(shell("docker volume ls -q"), "data");
  EXPECT_EQ(shell("docker volume inspect -f '{{.Name}} {{.Driver}}' data"), "data local");
  EXPECT_NE(shell("echo y | docker container prune").find("Total reclaimed space:"), std::string::npos);
  EXPECT_EQ(shell("docker ps -aq"), "");
  EXPECT_EQ(shell("docker run --rm -v data:/d ubuntu cat /d/file"), "kept");
  EXPECT_EQ(shell("docker volume rm data"), "data");
}

TEST_F(Tutorial, DockerComposeUpAndRm) {
  put("docker-compose.yml",
      "version: '3.6'\n"
      "services:\n"
      "  app:\n"
      "    image: ubuntu\n"
      "    command: sleep infinity\n"
      "    depends_on:\n"
      "      - redis\n"
      "    environment:\n"
      "      - REDIS_HOST=redis\n"
      "  redis:\n"
      "    image: ubuntu\n"
      "    command: sleep infinity\n"
      "    volumes:\n"
      "      - redis_data:/data\n"
      "volumes:\n"
      "  redis_data:\n");
  shell("docker-compose up -d");
  EXPECT_EQ(shell("docker-compose ps -q | wc -l"), "2");
  EXPECT_EQ(shell("docker compose exec -T app sh -c 'echo $REDIS_HOST'"), "redis");
  EXPECT_EQ(shell("docker volume ls -q"), "work_redis_data");
  shell("docker-compose stop -t 0 && docker-compose rm -f");
  EXPECT_EQ(shell("docker ps -aq"), "");
  shell("docker-compose down -v");
}

}  // namespace
}  // namespace stack::e2e

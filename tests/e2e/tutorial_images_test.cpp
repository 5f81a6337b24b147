// Dockerfiles and Compose files of tutorials, word for word. Their base images are stand-ins: package managers do nothing, and the
// programs that they would install are small scripts.
#include "tutorial.h"

namespace stack::e2e {
namespace {

// Answers every HTTP request on port $ARGV[0] with "Hello" and the request's body.
constexpr const char* kServe = R"(#!/usr/bin/perl
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die $!;
$| = 1;
print "serving on $ARGV[0]\n";
while (my $client = $server->accept) {
  my $length = 0;
  while (<$client>) { $length = $1 if /^Content-Length: (\d+)/i; last if /^\r?\n$/; }
  my $body = '';
  read($client, $body, $length) if $length;
  print $client "HTTP/1.0 200 OK\r\nContent-Length: " . (6 + length $body) . "\r\n\r\nHello $body";
  close $client;
}
)";

class TutorialImages : public Tutorial {
 protected:
  void SetUp() override {
    Tutorial::SetUp();
    if (HasFatalFailure()) return;
    put("serve", kServe);
    put("python",
        "#!/bin/sh\ncase $1 in\n-c) echo \"$2\" | sed \"s/^print('\\(.*\\)')$/\\1/\" ;;\n-m) ;;\n"
        "app.py) exec serve 80 ;;\n*) echo \"$1 ran\" ;;\nesac\n");
    put("gunicorn", "#!/bin/sh\nexec serve \"${2##*:}\"\n");
    put("waitress-serve", "#!/bin/sh\nexec serve \"${2##*=}\"\n");
    put("tool", "#!/bin/sh\nexit 0\n");
    put("Dockerfile", std::string("FROM ") + kTutorialBase +
                          "\nCOPY --chmod=755 serve python gunicorn waitress-serve tool /usr/local/bin/\n"
                          "RUN cd /usr/local/bin && cp python python3 && for t in apt apt-get apk pip pip3 "
                          "conda wget curl; "
                          "do cp tool $t; done && touch /Miniconda3-latest-Linux-x86_64.sh\n");
    std::string tags;
    for (const char* name : {"ubuntu", "ubuntu:18.04", "alpine:edge", "python:2.7-slim", "python:3.8.12-slim",
                             "redis:3.2-alpine", "nginx", "hello-world"})
      tags += std::string(" -t ") + name;
    shell("docker build -q" + tags + " .");
    shell("docker build -q -t nginx -", "FROM nginx\nCMD [\"serve\", \"80\"]\n");
    shell("rm *");
  }

  // The answer at an address of this machine, once there is one.
  std::string answer(const std::string& wget) {
    std::string out;
    EXPECT_TRUE(eventually(20s, [&] {
      CommandResult result = try_shell(wget);
      out = result.out;
      return result.code == 0;
    })) << wget;
    return out;
  }
};

TEST_F(TutorialImages, PythonPrintsDuringTheBuildAndTheRun) {
  put("Dockerfile", R"df(# pull from ubuntu18 base image
FROM ubuntu:18.04

# install python3 into system
RUN apt-get update && apt-get install -y python3

# run python command during build process
RUN python3 -c "print('hello world')"

# when container is launched, run differenth python command
CMD ["python3", "-c", "print('hello world again')"]
)df");
  CommandResult built = try_shell("docker build -t hello-world .");
  EXPECT_EQ(built.code, 0) << built.text();
  EXPECT_NE(built.err.find("hello world\n"), std::string::npos) << built.text();
  EXPECT_EQ(shell("docker run -i hello-world"), "hello world again");
  CommandResult again = try_shell("docker build -t hello-world .");
  EXPECT_NE(again.err.find("CACHED"), std::string::npos) << again.text();
  EXPECT_EQ(again.err.find("hello world\n"), std::string::npos) << again.text();
}

TEST_F(TutorialImages, ADeviceAndAFolderOfTheCaller) {
  put("requirements.txt", "opencv-python\n");
  put("main.py", "print('picture')\n");
  put("Dockerfile", R"df(# use base ubuntu 18
FROM ubuntu:18.04

# install some packages needed for example
RUN apt-get update \
    && apt-get install -y python3-pip \
     libsm6 \
     libxext6 \
     libxrender1 \
     libfontconfig1

# copy the requirements file into image
COPY ./requirements.txt /tmp/requirements.txt

# install requirements from file
RUN pip3 install -qr /tmp/requirements.txt

# add main program to /src/ directory
COPY main.py /src/

# set working directory to /src/
WORKDIR /src/

# invoke the main.py script upon container start
CMD ["python3", "main.py"]
)df");
  shell("docker build -t pic .");
  CommandResult missing = try_shell("docker run -v $PWD/pics/:/pics/ --device /dev/video0 pic");
  EXPECT_EQ(missing.code, 127) << missing.text();  // Docker's client makes it of "no such file or directory"
  EXPECT_NE(missing.err.find("/dev/video0"), std::string::npos) << missing.text();
  EXPECT_EQ(shell("docker run -v $PWD/pics/:/pics/ --device /dev/null:/dev/video0 pic"), "main.py ran");
}

TEST_F(TutorialImages, AServerOnAPortFromTheEnvironment) {
  ASSERT_TRUE(ensure_directory(folder() + "/work/app"));
  put("app/requirements.txt", "flask\n");
  put("Dockerfile", R"df(# use apline base image
FROM alpine:edge

# install os dependencies
RUN apk update && apk add --no-cache \
    python3 \
    py3-psycopg2 && \
    python3 -m ensurepip

# copy over requirements
COPY ./app/requirements.txt /tmp/requirements.txt

# install requirements
RUN pip3 install -qr /tmp/requirements.txt

# copy application
COPY ./app /opt/app/

# set working directory
WORKDIR /opt/app

# launch server
CMD gunicorn --bind 0.0.0.0:$PORT wsgi
)df");
  shell("docker build -t hello-flask .");
  shell(
      "(sh -c 'echo $$ > sleeper; exec sleep 60' | script -qec 'docker run -it -p 5000:4444 -e PORT=4444 hello-flask' /dev/null > typed 2>&1 "
      "&)");
  EXPECT_EQ(answer("wget -qO- http://localhost:5000 --post-data ''"), "Hello ");
  EXPECT_EQ(answer("wget -qO- http://localhost:5000 --post-data name=me"), "Hello name=me");
  shell("kill $(cat sleeper)");
}

TEST_F(TutorialImages, AnApplicationWithRequirementsAndAPublishedPort) {
  put("requirements.txt", "Flask\nRedis\n");
  put("app.py", "print('serves')\n");
  put("Dockerfile", R"df(# Use an official Python runtime as a parent image
FROM python:2.7-slim

# Set the working directory to /app
WORKDIR /app

# Copy the current directory contents into the container at /app
COPY . /app

# Install any needed packages specified in requirements.txt
RUN pip install --trusted-host PACKAGE-INDEX -r requirements.txt

# Make port 80 available to the world outside this container
EXPOSE 80

# Define environment variable
ENV NAME World

# Run app.py when the container launches
CMD ["python", "app.py"]
)df");
  shell("docker build -t friendlyhello .");
  EXPECT_NE(shell("docker image ls").find("friendlyhello"), std::string::npos);
  shell("(docker run -p 4000:80 friendlyhello > foreground 2>&1 &)");
  EXPECT_EQ(answer("wget -qO- http://localhost:4000"), "Hello ");
  shell("docker stop -t 0 $(docker ps -q)");
  std::string id = shell("docker run -d -p 4000:80 friendlyhello");
  EXPECT_EQ(id.size(), 64U);
  EXPECT_NE(shell("docker container ls").find(id.substr(0, 12)), std::string::npos);
  EXPECT_NE(shell("docker container ls").find("\"python app.py\""), std::string::npos);
  EXPECT_EQ(answer("wget -qO- http://localhost:4000"), "Hello ");
  EXPECT_EQ(shell("docker container stop -t 0 " + id.substr(0, 12)), id.substr(0, 12));
  EXPECT_EQ(shell("docker container ls -q"), "");
}

TEST_F(TutorialImages, OneImageOnTopOfAnother) {
  put("ubuntu_miniconda_df.dockerfile", R"df(# Download the ubuntu image
FROM ubuntu

# Install wget
RUN apt update
RUN apt install -y wget

# Download and install miniconda
RUN wget https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh
RUN bash Miniconda3-latest-Linux-x86_64.sh -b

# Add miniconda to PATH
ENV PATH="/root/miniconda3/bin:$PATH"

# Initialize the conda shell
RUN conda init bash
)df");
  shell("docker build -f ubuntu_miniconda_df.dockerfile -t ubuntu_miniconda_df .");
  ASSERT_TRUE(ensure_directory(folder() + "/work/hello_flask_app"));
  put("hello_flask_app/hello_flask.py", "app = 1\n");
  put("flask_app_df.dockerfile", R"df(# Use the ubuntu_miniconda_df as the base image
FROM ubuntu_miniconda_df

# Install flask and waitress
RUN conda install -y flask waitress

# Copy the flask app from host to container
COPY ./hello_flask_app /hello_flask_app

# Change the directory to the hello_flask_app folder
WORKDIR /hello_flask_app

# Run the waitress-serve command
CMD ["waitress-serve","--host=0.0.0.0","--port=5050","hello_flask:app"]
)df");
  shell("docker build -f flask_app_df.dockerfile -t flask_app_df .");
  shell("docker run -it -d -p 5035:5050 flask_app_df");
  EXPECT_EQ(shell("docker exec $(docker ps -q) cat /hello_flask_app/hello_flask.py"), "app = 1");
  EXPECT_EQ(shell("docker tag flask_app_df me/flask_app_df:1 && docker images -q me/flask_app_df | wc -l"),
            "1");
}

TEST_F(TutorialImages, AContainerIsChangedByHandAndCommitted) {
  ASSERT_TRUE(ensure_directory(folder() + "/work/hello_flask_app"));
  put("hello_flask_app/hello_flask.py", "app = 1\n");
  CommandResult typed = terminal("docker run -it --name made ubuntu", "apt update\n\x10\x11");
  EXPECT_EQ(typed.code, 0) << typed.text();
  shell("docker cp ./hello_flask_app/ made:/");
  shell("docker commit made flask_app");
  EXPECT_EQ(shell("docker run --rm flask_app cat /hello_flask_app/hello_flask.py"), "app = 1");
  shell("(sh -c 'echo $$ > sleeper; exec sleep 60' | script -qec 'docker run -it -p 5000:5050 flask_app' /dev/null > typed 2>&1 &)");
  ASSERT_TRUE(
      eventually(20s, [&] { return shell("docker ps -q --filter ancestor=flask_app | wc -l") == "1"; }));
  EXPECT_EQ(shell("docker port $(docker ps -q --filter ancestor=flask_app)"),
            "5050/tcp -> 0.0.0.0:5000\n5050/tcp -> [::]:5000");
  shell("kill $(cat sleeper)");
}

TEST_F(TutorialImages, AWebServerWithAFolderOfTheCaller) {
  put("index.html", "page\n");
  shell("docker run -d --name \"test-nginx\" -p 8080:80 -v $(pwd):/usr/share/nginx/html:ro nginx:latest");
  EXPECT_EQ(answer("wget -qO- http://127.0.0.1:8080/"), "Hello ");
  EXPECT_EQ(shell("docker exec test-nginx cat /usr/share/nginx/html/index.html"), "page");
  EXPECT_NE(try_shell("docker exec test-nginx touch /usr/share/nginx/html/new").code, 0);
  EXPECT_NE(shell("docker inspect test-nginx").find("\"RW\": false"), std::string::npos);
  EXPECT_EQ(shell("docker run --rm -v /etc/nginx:/etc/nginx nginx ls /etc/nginx"), "");
  EXPECT_NE(shell("docker run --rm --entrypoint=\"ls\" nginx .").find("bin"), std::string::npos);
  std::string other = shell("docker run -d -p 80:8080 nginx");
  EXPECT_EQ(shell("docker port " + other), "8080/tcp -> 0.0.0.0:80\n8080/tcp -> [::]:80");
}

TEST_F(TutorialImages, ImagesAndContainersAreListedAndRemovedById) {
  shell(
      "docker tag ubuntu mine && docker rmi ubuntu:18.04 alpine:edge python:2.7-slim python:3.8.12-slim "
      "redis:3.2-alpine nginx hello-world ubuntu");
  shell("docker run --name used mine");
  std::string id = shell("docker image ls -q mine");
  EXPECT_EQ(shell("docker container ls -q"), "");
  EXPECT_EQ(shell("docker container ls -a --format '{{.Names}}'"), "used");
  CommandResult refused = try_shell("docker rmi " + id);
  EXPECT_NE(refused.err.find("Error response from daemon: conflict: unable to delete " + id +
                             " (must be forced) - image is being used by stopped container "),
            std::string::npos)
      << refused.text();
  EXPECT_EQ(shell("docker rm used"), "used");
  EXPECT_NE(shell("docker rmi " + id).find("Untagged: mine:latest"), std::string::npos);
  shell("docker rmi $(docker images -q)");
  EXPECT_EQ(shell("docker images -q"), "");
}

TEST_F(TutorialImages, AComposeFileWithABuiltServiceAndANamedVolume) {
  ASSERT_TRUE(ensure_directory(folder() + "/work/app"));
  put("app/Dockerfile", "FROM python:2.7-slim\nCMD [\"serve\", \"5000\"]\n");
  put("docker-compose.yml", R"df(version: '3.6'
services:
  app:
    build:
      context: ./app
    depends_on:
      - redis
    environment:
      - REDIS_HOST=redis
    ports:
      - "5000:5000"
  redis:
    image: redis:3.2-alpine
    volumes:
      - redis_data:/data
volumes:
  redis_data:
)df");
  shell("((docker-compose up > log 2>&1; echo up ended >> log) &)");
  EXPECT_EQ(answer("wget -qO- http://localhost:5000"), "Hello ");
  EXPECT_EQ(shell("docker volume ls --format '{{.Driver}} {{.Name}}'"), "local work_redis_data");
  ASSERT_TRUE(eventually(10s, [&] { return shell("cat log").find("serving on 5000") != std::string::npos; }))
      << shell("cat log");
  shell("docker-compose stop -t 0");
  ASSERT_TRUE(eventually(20s, [&] { return shell("cat log").find("up ended") != std::string::npos; }));
  EXPECT_EQ(shell("docker-compose rm -f > removed 2>&1; docker ps -aq"), "") << shell("cat removed");
  shell("docker-compose down -v");
}

}  // namespace
}  // namespace stack::e2e

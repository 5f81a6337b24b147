FROM php

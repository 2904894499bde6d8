import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

@Controller()
class Greeter {
  @Get(':name')
  greet(@Param('name') name: string): string {
    const text = `Hello, ${name}`;
    return text;
  }
}

@Module({ controllers: [Greeter] })
class App {}

NestFactory.create(App).then((app) => app.listen(8080));

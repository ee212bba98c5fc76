// The relay that tutorials teach: @Sse() on a POST, axios, split at line ends, JSON.parse, an rxjs Observable.
// As in them, nothing tells the provider when the client leaves.
import 'reflect-metadata';
import { Body, Controller, HttpCode, Injectable, MessageEvent, Module, Post, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import axios from 'axios';
import { Observable } from 'rxjs';

@Injectable()
class ChatService {
  stream(body: object): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      axios
        .post(`${process.env.UPSTREAM}/v1/chat/completions`, body, {
          responseType: 'stream',
          headers: { Authorization: `Bearer ${process.env.UPSTREAM_KEY}` },
        })
        .then((response) => {
          let buffer = '';
          response.data.on('data', (read: Buffer) => {
            buffer += read.toString();
            const lines = buffer.split('\n');
            buffer = lines.pop() ?? '';
            for (const line of lines) {
              if (!line.startsWith('data: ')) continue;
              const data = line.slice('data: '.length);
              if (data === '[DONE]') {
                subscriber.complete();
                return;
              }
              const content = JSON.parse(data).choices[0]?.delta?.content;
              if (content) subscriber.next({ data: { content } });
            }
          });
          response.data.on('end', () => subscriber.complete());
          response.data.on('error', (error: Error) => subscriber.error(error));
        })
        .catch((error) => subscriber.error(error));
    });
  }
}

@Controller()
class ChatController {
  constructor(private readonly chat: ChatService) {}

  @Post('v1/chat/completions')
  @HttpCode(200)
  @Sse()
  stream(@Body() body: object): Observable<MessageEvent> {
    return this.chat.stream(body);
  }
}

@Module({ controllers: [ChatController], providers: [ChatService] })
class AppModule {}

async function main() {
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(Number(process.env.PORT), '127.0.0.1');
}

main();

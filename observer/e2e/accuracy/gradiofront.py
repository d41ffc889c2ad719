# SPDX-License-Identifier: Apache-2.0
"""A Gradio chat in front of an OpenAI-compatible server.

usage: gradiofront.py PORT BASE_URL TOKENS"""

import sys

import gradio as gr
import openai

client = openai.OpenAI(base_url=sys.argv[2] + "/v1", api_key="none")


def chat(message, history):
    text = ""
    for event in client.chat.completions.create(model="any", temperature=0, max_tokens=int(sys.argv[3]), stream=True,
                                                messages=[{"role": "user", "content": message}]):
        if event.choices and event.choices[0].delta.content:
            text += event.choices[0].delta.content
            yield text


gr.ChatInterface(chat).launch(server_port=int(sys.argv[1]), server_name="127.0.0.1", quiet=True)

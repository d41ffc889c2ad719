# SPDX-License-Identifier: Apache-2.0
"""A Gradio chat and a function without a stream.

usage: gradiochat.py PORT

The message of the chat says how many words it answers with, after how many
seconds, and how far apart: "10 0.05 0.02"."""

import sys
import time

import gradio as gr

WORDS = " every good model server streams its answer word by word until the end of the text is near".split(" ")[1:]


def chat(message, history):
    count, prefill, gap = message.split()
    text = ""
    for i in range(int(count)):
        time.sleep(float(gap if i else prefill))
        text += " " * bool(i) + WORDS[i % len(WORDS)]
        yield text


def block(name):
    time.sleep(0.3)
    return "Good morning to you, dear " + name


with gr.Blocks() as app:
    gr.ChatInterface(chat, concurrency_limit=None)
    box, out = gr.Textbox(), gr.Textbox()
    gr.Button().click(block, box, out, api_name="block")
app.launch(server_port=int(sys.argv[1]), server_name="127.0.0.1", quiet=True)

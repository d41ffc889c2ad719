# SPDX-License-Identifier: Apache-2.0
"""The same as a Gradio chat: open http://127.0.0.1:7860 and write something.

    pip install gradio
    python chatbot.py
"""

import random
import time

import gradio as gr

WORDS = "a model that is not there answers with the same few words again and again".split()


def chat(message, history):
    time.sleep(random.uniform(0.1, 0.4))
    text = ""
    for _ in range(random.randint(20, 60)):
        text += random.choice(WORDS) + " "
        yield text
        time.sleep(random.uniform(0.01, 0.04))


if __name__ == "__main__":
    gr.ChatInterface(chat).launch()
